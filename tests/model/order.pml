/* SPDX-License-Identifier: MIT */
/*
 * order.pml - what A, B, C and D of src/steps.h are for: one writer, one reader, and a memory that reorders
 *
 * Stores wait in a buffer, one for each location, and reach memory at any time, in any order between locations. The
 * reader's loads are done in any order. Only the four accesses hold that back; PROTOCOL drops one of them:
 *
 *	A	load-acquire data_tail: the stores to the data are not done before it	(without: they may be)
 *	B	store-release data_head: not before the stores to the data		(without: any order)
 *	C	load-acquire data_head: the loads of the data are not done before it	(without: they may be)
 *	D	store-release data_tail: not before the loads of the data		(without: they may be later)
 *
 * No nesting here: all levels are one thread, and see their own stores in order. That is ring.pml's part.
 */
#define all 0
#define without_A 1
#define without_B 2
#define without_C 3
#define without_D 4

#ifndef PROTOCOL
#define PROTOCOL all
#endif
#ifndef RECORDS
#define RECORDS 3	/* each of two words, and the ring has room for one */
#endif

bool torn_record, overrun;
#define CHECK(name, condition) assert((condition) || name)

/* Memory. Words hold the number of their record, from 1; the positions count records. */
byte word[2], data_head, data_tail;
/* Stores on their way there; those to one location stay in order. */
chan to_word0 = [2] of { byte };
chan to_word1 = [2] of { byte };
chan to_head = [2] of { byte };
chan to_tail = [2] of { byte };

byte loaded[2];		/* how many records' word the reader has loaded: for the check only */

active proctype writer()
{
	byte k;
	bool room, stored0, stored1;

	do
	:: k < RECORDS ->
		k++;
		do
		/* reserve:A; the load that found room, after any number that did not. */
		:: atomic { !room && data_tail >= k - 1 -> room = true }
#if PROTOCOL == without_A
#define MAY_STORE true
#else
#define MAY_STORE room
#endif
		:: atomic { !stored0 && MAY_STORE -> to_word0 ! k; stored0 = true }
		:: atomic { !stored1 && MAY_STORE -> to_word1 ! k; stored1 = true }
		:: atomic { room && stored0 && stored1 -> room = false; stored0 = false; stored1 = false; break }
		od;
#if PROTOCOL != without_B
		empty(to_word0) && empty(to_word1);
#endif
		to_head ! k					/* publish:B */
	:: k == RECORDS -> break
	od
}

active proctype memory()
{
	byte value;

end:
	do
	:: atomic { to_word0 ? value -> CHECK(overrun, loaded[0] >= value - 1); word[0] = value; value = 0 }
	:: atomic { to_word1 ? value -> CHECK(overrun, loaded[1] >= value - 1); word[1] = value; value = 0 }
	:: atomic { to_head ? value -> data_head = value; value = 0 }
	:: atomic { to_tail ? value -> data_tail = value; value = 0 }
	od
}

active proctype reader()
{
	byte k, got[2];
	bool there, released;

	do
	:: k < RECORDS ->
		k++;
		do
		/* poll:C; the load that found the record, after any number that did not. */
		:: atomic { !there && data_head >= k -> there = true }
#if PROTOCOL == without_C
#define MAY_LOAD true
#else
#define MAY_LOAD there
#endif
		:: atomic { loaded[0] < k && MAY_LOAD -> got[0] = word[0]; loaded[0] = k }
		:: atomic { loaded[1] < k && MAY_LOAD -> got[1] = word[1]; loaded[1] = k }
#if PROTOCOL == without_D
#define MAY_RELEASE there
#else
#define MAY_RELEASE (there && loaded[0] == k && loaded[1] == k)
#endif
		:: atomic { !released && MAY_RELEASE -> to_tail ! k; released = true }	/* release:D */
		:: atomic {
			there && released && loaded[0] == k && loaded[1] == k ->
			CHECK(torn_record, got[0] == k && got[1] == k);
			there = false;
			released = false;
			got[0] = 0;
			got[1] = 0;
			break
		   }
		od
	:: k == RECORDS -> break
	od
}
