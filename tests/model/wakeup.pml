/* SPDX-License-Identifier: MIT */
/*
 * wakeup.pml - a reader that sleeps until a watermark is passed, and writers that nest: src/modes.h on top of ring.pml
 *
 * As in ring.pml a statement is one access to something shared, a boundary at which the next level may strike, and all
 * is sequentially consistent. Records are one unit and always find room; what is in them is ring.pml's part. The reader
 * does nothing but sleep, read the eventfd, load data_head, and sleep again: whoever looks more often misses less.
 *
 * What PROTOCOL may be: watermark, which is sound, and the variants of stress/targets/.
 */
#define watermark 0
#define late_wakeup 1
#define own_wakeup 2
#define early_wakeup 3

#ifndef PROTOCOL
#define PROTOCOL watermark
#endif

/* Bounds, as in ring.pml. */
#ifndef WRITES
#define WRITES 1
#endif
#ifndef STRIKES
#define STRIKES 3
#endif
#ifndef DEPTH
#define DEPTH 3
#endif
#ifndef WATERMARK
#define WATERMARK 2		/* units: the reader is woken once it has more than these to read */
#endif
#define START 7
#define BASE 1

bool missed_wakeup;
#define CHECK(name, condition) assert((condition) || name)

byte data_head;
bool eventfd;			/* readable */
/* struct nrb_writer. */
byte head, nest, wakeup;

byte running = BASE;
byte strikes = STRIKES;
bool rest;

proctype writer() provided (running == _pid)
{
	byte h, n, t, before, writes;

end_idle:
#if PROTOCOL == watermark || PROTOCOL == early_wakeup
	before = wakeup;						/* begin 0: load wakeup */
#endif
	n = nest;							/* begin 2: load nest */
	d_step { nest = n + 1; n = 0 };					/* begin 3: store nest */
#if PROTOCOL == late_wakeup || PROTOCOL == own_wakeup
	before = wakeup;						/* begin 0, as Linux has it */
#endif

reserve:
	h = head;							/* reserve 1: load head */
swap:
	atomic {							/* reserve 3: compare and swap */
		if
		:: head == h -> head = h + 1; h = h + 1
		:: else -> h = head; goto swap
		fi
	};

note:
	t = wakeup;							/* note 1: load wakeup */
	atomic {							/* note 2: compare and swap, if passed */
		if
		:: h - t > WATERMARK && wakeup == t -> wakeup = h
		:: else
		fi;
		h = 0;
		t = 0
	};
#if PROTOCOL == own_wakeup
	d_step { t = (wakeup != before); before = 0 };			/* all that it will wake for */
#endif

#if PROTOCOL == early_wakeup
	atomic {
		if
		:: wakeup == before -> before = 0; goto P1
		:: else -> before = 0
		fi
	};
	atomic {
		if
		:: nest > 1 -> goto P1
		:: else
		fi
	};
	eventfd = true;
#endif

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
#if PROTOCOL != early_wakeup
	atomic {							/* end 1: load wakeup */
		n = 0;
#if PROTOCOL == own_wakeup
		if
		:: !t -> goto done
		:: else -> t = 0
		fi
#else
		if
		:: wakeup == before -> goto done
		:: else -> before = 0
		fi
#endif
	};
	atomic {							/* end 2: load nest */
		if
		:: nest -> goto done
		:: else
		fi
	};
	eventfd = true;							/* end 3: tell the reader */
#endif

done:
	atomic {
		n = 0;
		before = 0;
		if
		:: _pid == BASE ->
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

proctype reader()
{
	byte seen = wakeup;	/* the least that it can have seen */

	do
	:: atomic { eventfd -> eventfd = false };
		seen = data_head					/* poll:C */
	:: atomic { rest && !eventfd -> CHECK(missed_wakeup, data_head - seen <= WATERMARK); break }
	od
}

init
{
	byte i;

	atomic {
		head = START;
		data_head = START;
		if					/* how much has been written since the last wakeup */
		:: wakeup = START
		:: wakeup = START - 1
		:: wakeup = START - WATERMARK
		fi;
		for (i : 0 .. DEPTH) {
			run writer()
		}
		i = 0;
		run interrupts();
		run reader()
	}
}
