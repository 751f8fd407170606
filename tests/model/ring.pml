/* SPDX-License-Identifier: MIT */
/*
 * ring.pml - the protocol of src/steps.h: a writer, writers that nest in it, and a reader, every interleaving of them
 *
 *	spin -a -DPROTOCOL=legacy -DSTRIKES=1 ring.pml && cc -DSAFETY -DNOREDUCE -DBFS -o pan pan.c && ./pan
 *	spin -t -p -DPROTOCOL=legacy -DSTRIKES=1 ring.pml
 *
 * One statement here is one access to something shared: a boundary at which the next level may strike. What stands in
 * an atomic or a d_step is indivisible: one instruction of the writer, or no access at all. Labels (begin, reserve,
 * copy, P1 to P5, L1 to L4, and A to D) are those of the comments in src/steps.h and stress/targets/legacy.c.
 *
 * Sequentially consistent: what A, B, C and D are for is shown by order.pml. README.md has the bounds and results.
 */

/* What PROTOCOL may be: fixed, and the variants, each with one guarantee less. */
#define fixed 0
#define legacy 1
#define late_inc 2
#define early_check 3
#define no_recheck 4
#define no_nest 5
#define publish_first 6
#define no_tail_check 7
#define hoisted_space 8
#define plain_reserve 9
#define torn_head 10
#define lost_race 11
#define plain_nest_reload 12

#ifndef PROTOCOL
#define PROTOCOL fixed
#endif

/* Bounds. A unit is the size of a record; one unit of the ring always stays free. */
#ifndef UNITS
#define UNITS 4			/* the ring's size */
#endif
#ifndef WRITES
#define WRITES 1		/* writes of the base level */
#endif
#ifndef STRIKES
#define STRIKES 3		/* nested writes, at all levels together */
#endif
#ifndef DEPTH
#define DEPTH 3			/* levels above the base */
#endif
#define START 7			/* head at the start: the next record carries into torn-head's high half */
#define BASE 1			/* the base level's process; a nested level's is one more than the one below it */

/*
 * Names of violations, as in stress/words.h. Each is a variable, so that pan prints its name with the assertion violated;
 * -DTOLERATE=NAME looks past one, for what else a variant shows.
 */
bool head_backward, head_below_tail, torn_record, sequence_gap, overrun, lost_mismatch, stuck_head;
#define CHECK(name, condition) assert((condition) || name)

/* The control page. */
byte data_head, data_tail;
/* The data: at each place the position of the record whose header, or payload, was stored there last. */
byte header[UNITS], payload[UNITS];
byte told[UNITS];		/* LOST.lost; 0 in any other record */
/* struct nrb_writer. */
byte head, tail_cache, lost, nest;

/* The level that runs; it alone makes steps, until it has returned. */
byte running = BASE;
byte strikes = STRIKES;
bool rest;			/* the base level is done: nobody strikes any more */
/* For the checks at rest. */
byte unread;			/* records written and not read, LOST ones too */
byte untold;			/* failed writes that no LOST record read so far has told */

/* Is there room for size units at h? By the unsigned difference, so a tail ahead of both means no. */
#define FITS (h + size >= tail_cache && h + size - tail_cache < UNITS)
#define PLACE(position) ((position) % UNITS)

/* The first store to a place: what was there must have been consumed. */
inline store_header(position)
{
	CHECK(overrun, header[PLACE(position)] < data_tail);
	header[PLACE(position)] = position
}

/* Forget, so that equal states look equal. */
inline forget() { h = 0; n = 0; t = 0; count = 0; size = 0; pending = false }

proctype writer() provided (running == _pid)
{
	byte h, n, t, count, size, writes;
	bool pending;

end_idle:
#if PROTOCOL == late_inc
	h = head;
#endif
begin:
	atomic { pending = (lost > 0); size = 1 + pending };		/* begin 1: load lost */
	n = nest;							/* begin 2: load nest */
#if PROTOCOL != plain_nest_reload
	d_step { nest = n + 1; n = 0 };					/* begin 3: store nest */
#endif

#if PROTOCOL != late_inc
reserve:
	h = head;							/* reserve 1: load head */
#endif
#if PROTOCOL != no_tail_check
space:
	if								/* reserve 2: room? */
	:: FITS -> goto swap
	:: else
	fi;
	t = data_tail;							/* reserve:A */
	d_step { tail_cache = t; t = 0 };
	if
	:: FITS -> goto swap
	:: else -> goto no_space
	fi;
#endif
swap:
	atomic {							/* reserve 3: compare and swap */
#if PROTOCOL == plain_reserve
#else
		if
		:: head == h
		:: else ->
			h = head;
#if PROTOCOL == hoisted_space || PROTOCOL == no_tail_check
			goto swap
#else
			goto space
#endif
		fi;
#endif
		head = h + size;
#if PROTOCOL == publish_first
	};
	goto publish;
headers:
	atomic {
#elif PROTOCOL == plain_nest_reload
	};
	d_step { nest = n + 1; n = 0 };					/* begin 3, sunk below the reservation */
	atomic {
#endif
		if
		:: !pending -> goto own
		:: else
		fi
	};
	atomic {							/* headers: take lost */
		count = lost;
#if PROTOCOL == lost_race
	};
	atomic {
#endif
		lost = 0
	};
	d_step {							/* headers: the LOST record */
		store_header(h);
		payload[PLACE(h)] = h;
		told[PLACE(h)] = count;
		count = 0;
		unread++;
		h++
	};
own:
	atomic { store_header(h); told[PLACE(h)] = 0; unread++ };	/* headers: the record's own */
copy:
	payload[PLACE(h)] = h;
#if PROTOCOL == publish_first
	goto end;
#else
	goto publish;
#endif

no_space:
	atomic { lost++; untold++; pending = false; size = 0 };		/* reserve 3': no room */
#if PROTOCOL == plain_nest_reload
	d_step { nest = n + 1; n = 0 };					/* begin 3, the same */
#endif

publish:
#if PROTOCOL == legacy
L1:	n = head;
L2:	t = nest - 1;
	atomic {
		nest = t;
		if
		:: t > 0 -> goto end
		:: else
		fi
	};
L3:	data_head = n;							/* publish:B */
L4:	if
	:: head != n ->
		t = nest;
		nest = t + 1;
		goto L1
	:: else
	fi;
#else
#if PROTOCOL != no_nest
P1:	atomic {
		n = nest;
		if
		:: n <= 1 -> goto P2
		:: else
		fi
	};
	nest = n - 1;
	goto end;
#endif
P2:	n = head;
P3:
#if PROTOCOL == torn_head
	data_head = data_head / 4 * 4 + n % 4;
#endif
	data_head = n;							/* publish:B */
#if PROTOCOL == early_check
P5:	if
	:: head != n -> goto P2
	:: else
	fi;
P4:	nest = 0;
#else
P4:	nest = 0;
#if PROTOCOL != no_recheck
P5:	if
	:: head != n ->
#if PROTOCOL == late_inc
		n = head;
		nest = 1;
		goto P3
#else
		nest = 1;
		goto P2
#endif
	:: else
	fi;
#endif
#endif
#endif
#if PROTOCOL == publish_first
	if
	:: size > 0 -> goto headers
	:: else
	fi;
#endif

end:
	atomic {
		forget();
		if
		:: _pid == BASE ->
			CHECK(stuck_head, data_head == head);
			writes++;
			if
			:: writes == WRITES -> goto at_rest
			:: else
			fi
		:: else
		fi;
		running = running - (_pid != BASE)
	};
	goto end_idle;

at_rest:
	rest = true
}

/* Strikes: at any boundary, of whichever level runs. */
proctype interrupts()
{
end_quiet:
	do
	:: atomic { strikes > 0 && running <= DEPTH && !rest -> strikes--; running++ }
	od
}

/* The consumer; it may poll, consume or wait at any time. */
proctype reader()
{
	byte seen = data_tail;

	do
	:: atomic {							/* poll:C */
		data_head != seen ->
		CHECK(head_backward, data_head >= seen);
		CHECK(head_below_tail, data_head >= data_tail);
		seen = data_head
	   }
	:: atomic {							/* load header and payload; release:D */
		/*
		 * Indivisible, to have fewer states: were they apart, whatever a writer could store between them it
		 * could also store just before them, since data_tail is the same there.
		 */
		data_tail < seen ->
		CHECK(torn_record, header[PLACE(data_tail)] == data_tail && payload[PLACE(data_tail)] == data_tail);
		untold = untold - told[PLACE(data_tail)];
		unread--;
		data_tail++
	   }
	:: atomic {
		rest && data_tail == data_head ->
		CHECK(lost_mismatch, untold == lost);
		CHECK(sequence_gap, unread == 0);
		break
	   }
	od
}

init
{
	byte i;

	atomic {
#ifdef TOLERATE
		TOLERATE = true;
#endif
		head = START;
		data_head = START;
		if					/* from empty to full */
		:: data_tail = START
		:: data_tail = START - (UNITS - 1) / 2
		:: data_tail = START - (UNITS - 2)
		:: data_tail = START - (UNITS - 1)
		fi;
		tail_cache = data_tail;
		unread = head - data_tail;
		if					/* a loss that no LOST record has told, or none */
		:: lost = 0
		:: lost = 1
		fi;
		untold = lost;
		for (i : START - UNITS .. START - 1) {
			header[PLACE(i)] = i;
			payload[PLACE(i)] = i
		}
		i = 0;
		for (i : 0 .. DEPTH) {
			run writer()
		}
		i = 0;
		run interrupts();
		run reader()
	}
}
