/* SPDX-License-Identifier: MIT */
/*
 * section.pml - the writes of src/section.h, in restartable sequences, among those of the nest protocol, and a reader
 *
 *	spin -a -DPROTOCOL=rseq_publish -DSTRIKES=1 section.pml && cc -DSAFETY -DNOREDUCE -DBFS -o pan pan.c && ./pan
 *	spin -t -p -DPROTOCOL=rseq_publish -DSTRIKES=1 section.pml
 *
 * In ring.pml's way: a statement is one access to something shared, a boundary at which the next level may strike, and
 * all is sequentially consistent. A strike into a section has it begin anew once the levels above have returned, its
 * registers lost; what it stored until then stays, as it does in memory. Each write, of any level, is one of three: a
 * small record by sections, a large one by the nest protocol, or a reservation, whose room is taken in a section.
 * Whatever a section cannot do goes by the nest protocol.
 *
 * What the thread has named to the kernel is taken to be the section that it is in: each is entered by the instruction
 * in front of it, or by one that lies in it with nothing done before.
 */

/* What PROTOCOL may be: rseq, and the variants of stress/targets/, each with one guarantee less. */
#define rseq 0
#define rseq_publish 1
#define rseq_early_commit 2
#define rseq_no_check 3
#define rseq_unregistered 4
#define rseq_silent 5	/* here only: a reservation that gives up does not publish what nested in it */

#ifndef PROTOCOL
#define PROTOCOL rseq
#endif

/* Bounds, as in ring.pml. */
#ifndef UNITS
#define UNITS 4
#endif
#ifndef WRITES
#define WRITES 1
#endif
#ifndef STRIKES
#define STRIKES 3
#endif
#ifndef DEPTH
#define DEPTH 3
#endif
#define ABORTS 2		/* of one section; then the write goes the other way */
#define START 7
#define BASE 1

/* As in ring.pml; -DTOLERATE=NAME looks past one. */
bool head_backward, head_below_tail, torn_record, sequence_gap, overrun, lost_mismatch, stuck_head;
#define CHECK(name, condition) assert((condition) || name)

/* The control page. */
byte data_head, data_tail;
/* The data: at each place the record whose header, or payload, was stored there last; see STAMP. */
byte header[UNITS], payload[UNITS];
byte told[UNITS];		/* LOST.lost; 0 in any other record */
/* struct nrb_writer. */
byte head, tail_cache, lost, nest;

/* The level that runs; it alone makes steps, until it has returned. */
byte running = BASE;
byte strikes = STRIKES;
bool rest;			/* the base level is done: nobody strikes any more */
/* Where each level is: in no section, in one, or at the address where an abort goes. */
#define OUTSIDE 0
#define INSIDE 1
#define ABORTED 2
byte section[DEPTH + 2];
/* For the checks at rest. */
byte unread;			/* records written and not read, LOST ones too */
byte untold;			/* failed writes that no LOST record read so far has told */

#define FITS (h + size >= tail_cache && h + size - tail_cache < UNITS)
#define PLACE(position) ((position) % UNITS)
/* A position may be written by several, one after the other, of whom one counts: so who wrote it is part of it. */
#define STAMP(position) ((position) * 8 + _pid)

/* What was at this place a lap ago must have been consumed. */
inline store_header(position)
{
	CHECK(overrun, position < data_tail + UNITS);
	header[PLACE(position)] = STAMP(position)
}

/* Forget, so that equal states look equal. */
inline forget() { h = 0; n = 0; t = 0; count = 0; size = 0; pending = false }

/*
 * A boundary in a section across which nothing was stored. A strike there ends as one right behind the instruction that
 * enters, so it is only one where no strike has the section begin anew; -DLITERAL has it everywhere, to show that.
 */
#if PROTOCOL == rseq_unregistered || defined(LITERAL)
#define BOUNDARY }; atomic {
#else
#define BOUNDARY
#endif

/* An abort: the registers are lost. Once more, or the other way. */
#define BEGIN_ANEW(enter, otherwise)							\
	atomic {									\
		section[_pid] == ABORTED ->						\
		section[_pid] = OUTSIDE;						\
		forget();								\
		aborts++;								\
		if									\
		:: aborts < ABORTS -> goto enter					\
		:: else -> aborts = 0; goto otherwise					\
		fi									\
	}

proctype writer() provided (running == _pid)
{
	byte h, n, t, count, size, writes, aborts;
	bool pending, gave_up;

end_idle:
	if							/* what kind of write */
	:: goto small
	:: goto reservation
	:: goto by_nest
	fi;

small:	/* Section 1 of a small record: reserve, copy, commit. */
	section[_pid] = INSIDE;						/* enter */
	{
		atomic {
#if PROTOCOL != rseq_no_check
			if						/* load nest */
			:: nest -> section[_pid] = OUTSIDE; aborts = 0; goto by_nest
			:: else
			fi;
			BOUNDARY
#endif
			if						/* load lost */
			:: lost -> section[_pid] = OUTSIDE; aborts = 0; goto by_nest
			:: else
			fi;
			BOUNDARY
			h = head;					/* load head */
			size = 1;
			BOUNDARY
			if						/* room? by tail_cache */
			:: FITS
			:: else -> section[_pid] = OUTSIDE; aborts = 0; goto by_nest
			fi;
#if PROTOCOL == rseq_early_commit
			head++;
			unread++
		};
		atomic {
#else
			BOUNDARY
#endif
			store_header(h);				/* header */
			told[PLACE(h)] = 0
		};
		payload[PLACE(h)] = STAMP(h);				/* copy */
#if PROTOCOL == rseq_early_commit
		d_step { section[_pid] = OUTSIDE; aborts = 0; forget() }
#else
		d_step {						/* commit: add to head */
			head++;
			unread++;
			section[_pid] = OUTSIDE;
			aborts = 0;
			forget()
		}
#endif
	} unless {
		BEGIN_ANEW(small, by_nest)
	};

publish_small:	/* Section 2 of it: publish. */
#if PROTOCOL == rseq_publish
	n = head;
	data_head = n;
#else
	section[_pid] = INSIDE;						/* enter */
	{
		atomic {
			n = head;					/* load head */
			BOUNDARY
			data_head = n;					/* publish:B */
			n = 0;
			section[_pid] = OUTSIDE;
			aborts = 0
		}
	} unless {
		BEGIN_ANEW(publish_small, committed)
	};
#endif
	goto end;

committed:	/* Struck there twice: published by the nest protocol. */
	n = nest;
	d_step { nest = n + 1; n = 0 };
	goto publish;

reservation:
	atomic {							/* load lost */
		if
		:: lost -> goto by_nest
		:: else
		fi
	};
	atomic {							/* load nest */
		if
		:: nest -> goto by_nest
		:: else
		fi
	};
	nest = 1;
take:	/* Room for a reservation, in place of the swap. */
	section[_pid] = INSIDE;						/* enter */
	{
		atomic {
			h = head;					/* load head */
			size = 1;
			BOUNDARY
			if						/* room? by tail_cache */
			:: FITS
			:: else -> section[_pid] = OUTSIDE; aborts = 0; goto give_up
			fi;
			BOUNDARY
			head = h + 1;					/* store head */
			section[_pid] = OUTSIDE;
			aborts = 0
		}
	} unless {
		BEGIN_ANEW(take, give_up)
	};
	goto own;

give_up:	/* Nothing has been reserved; but who nested has left its record to us to publish. */
#if PROTOCOL == rseq_silent
	atomic { nest = 0; forget() };
	goto by_nest;
#else
	atomic { forget(); gave_up = true };
	goto publish;
#endif

by_nest:	/* The outermost write is refused early if there is no room, as in src/write.c. */
	atomic {
		forget();
		if
		:: nest -> goto begin
		:: else
		fi
	};
	size = 1 + (lost > 0);
	h = head;
	if								/* room? */
	:: FITS -> goto begin
	:: else
	fi;
	t = data_tail;							/* reserve:A */
	d_step { tail_cache = t; t = 0 };
	if
	:: FITS -> goto begin
	:: else
	fi;
	d_step { lost++; untold++ };
	goto end;

begin:
	atomic { forget(); pending = (lost > 0); size = 1 + pending };	/* begin 1: load lost */
	n = nest;							/* begin 2: load nest */
	d_step { nest = n + 1; n = 0 };					/* begin 3: store nest */
	h = head;							/* reserve 1: load head */
space:
	if								/* reserve 2: room? */
	:: FITS -> goto swap
	:: else
	fi;
	t = data_tail;							/* reserve:A */
	d_step { tail_cache = t; t = 0 };
	if
	:: FITS -> goto swap
	:: else
	fi;
	d_step { lost++; untold++; forget() };				/* reserve 3': no room */
	goto publish;
swap:
	atomic {							/* reserve 3: compare and swap */
		if
		:: head == h -> head = h + size
		:: else -> h = head; goto space
		fi;
		if
		:: !pending -> goto own
		:: else
		fi
	};
	d_step { count = lost; lost = 0 };				/* headers: take lost */
	d_step {							/* headers: the LOST record */
		store_header(h);
		payload[PLACE(h)] = STAMP(h);
		told[PLACE(h)] = count;
		count = 0;
		unread++;
		h++
	};
own:
	atomic { store_header(h); told[PLACE(h)] = 0; unread++ };	/* headers: the record's own */
	d_step { payload[PLACE(h)] = STAMP(h); forget() };		/* copy */

publish:
P1:	atomic {
		n = nest;
		if
		:: n <= 1 -> goto P2
		:: else
		fi
	};
	nest = n - 1;
	goto end;
P2:	n = head;
P3:	data_head = n;							/* publish:B */
P4:	nest = 0;
P5:	if
	:: head != n ->
		nest = 1;
		goto P2
	:: else
	fi;

end:
	atomic {
		forget();
		if
		:: gave_up -> gave_up = false; goto by_nest
		:: else
		fi;
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

/* Strikes: at any boundary, of whichever level runs. The kernel moves who is in a section before the handler begins. */
proctype interrupts()
{
end_quiet:
	do
	:: atomic {
		strikes > 0 && running <= DEPTH && !rest ->
#if PROTOCOL != rseq_unregistered
		section[running] = (section[running] == OUTSIDE -> OUTSIDE : ABORTED);
#endif
		strikes--;
		running++
	   }
	od
}

/* The consumer, as in ring.pml. */
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
		data_tail < seen ->
		CHECK(torn_record, header[PLACE(data_tail)] / 8 == data_tail);
		CHECK(torn_record, payload[PLACE(data_tail)] == header[PLACE(data_tail)]);
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
			header[PLACE(i)] = i * 8;
			payload[PLACE(i)] = i * 8
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
