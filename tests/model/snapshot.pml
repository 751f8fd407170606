/* SPDX-License-Identifier: MIT */
/*
 * snapshot.pml - what E and F of src/modes.h are for: a snapshot of an overwrite ring that is being written
 *
 * Memory is that of order.pml: stores wait in buffers and reach memory in any order between locations, and the reader's
 * loads are done in any order, but for what these hold back; PROTOCOL drops one of them:
 *
 *	E	swap of head, then a release fence: no store to the data is done before it	(without: any order)
 *	B	store-release data_head: not before the stores to the data, nor the mark	(without: any order)
 *	C	load-acquire data_head: no other load is done before it				(without: they may be)
 *	F	acquire fence, then a load of the mark: not before the loads of the data	(without: it may be)
 *
 * The mark is the writer's head. Nobody waits for the reader, which keeps what the mark says is whole. No nesting here:
 * the mark is the reservation itself, so nested writers move it as one writer does.
 */
#define all 0
#define without_B 1
#define without_C 2
#define without_E 3
#define without_F 4

#ifndef PROTOCOL
#define PROTOCOL all
#endif
#ifndef RECORDS
#define RECORDS 3	/* each of two words, and the ring has room for one */
#endif
#ifndef SNAPSHOTS
#define SNAPSHOTS 2	/* that the reader takes, of whatever is published then */
#endif

bool torn_record, mark_below_head;
#define CHECK(name, condition) assert((condition) || name)

/* Memory. Words hold the number of their record, from 1; the positions count records. */
byte word[2], mark, data_head;
/* Stores on their way there; those to one location stay in order. */
chan to_word0 = [2] of { byte };
chan to_word1 = [2] of { byte };
chan to_mark = [2] of { byte };
chan to_head = [2] of { byte };

active proctype writer()
{
	byte k;
	bool stored0, stored1;

	do
	:: k < RECORDS ->
		k++;
		to_mark ! k;					/* the swap that reserves */
#if PROTOCOL != without_E
		empty(to_mark);					/* mark:E; a fence waits for more, not needed */
#endif
		do
		:: atomic { !stored0 -> to_word0 ! k; stored0 = true }
		:: atomic { !stored1 -> to_word1 ! k; stored1 = true }
		:: atomic { stored0 && stored1 -> stored0 = false; stored1 = false; break }
		od;
#if PROTOCOL != without_B
		empty(to_word0) && empty(to_word1) && empty(to_mark);
#endif
		to_head ! k					/* publish:B */
	:: k == RECORDS -> break
	od
}

active proctype memory()
{
end:
	do
	:: to_word0 ? word[0]
	:: to_word1 ? word[1]
	:: to_mark ? mark
	:: to_head ? data_head
	od
}

active proctype reader()
{
	byte taken, head, reserved, got[2];
	bool there, marked, copied[2];

	do
	:: taken < SNAPSHOTS ->
		taken++;
		do
		/* poll:C; of what is published by now, or later. */
		:: atomic { !there && data_head > 0 -> there = true; head = data_head }
#if PROTOCOL == without_C
#define MAY_LOAD true
#else
#define MAY_LOAD there
#endif
		:: atomic { !copied[0] && MAY_LOAD -> got[0] = word[0]; copied[0] = true }
		:: atomic { !copied[1] && MAY_LOAD -> got[1] = word[1]; copied[1] = true }
#if PROTOCOL == without_F
#define MAY_LOAD_MARK there
#else
#define MAY_LOAD_MARK (there && copied[0] && copied[1])
#endif
		:: atomic { !marked && MAY_LOAD_MARK -> reserved = mark; marked = true }	/* snapshot:F */
		:: atomic {
			there && marked && copied[0] && copied[1] ->
			/* Else a sound ring would be refused as one whose data_head lies. */
			CHECK(mark_below_head, reserved >= head);
			if
			/* The record begins at head - 1; kept if mark - start is no more than the ring's size. */
			:: reserved - (head - 1) <= 1 -> CHECK(torn_record, got[0] == head && got[1] == head)
			:: else -> skip			/* overwritten meanwhile: dropped */
			fi;
			there = false;
			marked = false;
			copied[0] = false;
			copied[1] = false;
			got[0] = 0;
			got[1] = 0;
			head = 0;
			reserved = 0;
			break
		   }
		od
	:: taken == SNAPSHOTS -> break
	od
}
