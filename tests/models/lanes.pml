// cenote: SPDX-License-Identifier: MIT
//
// The free blocks of a bounded pool in two lanes, and the line of those who wait, as in
// include/cenote/concurrent/number_stack.hpp and waiting_line.hpp: who finds no block in any lane takes the
// lock, blocks the lanes, looks again, and stands in line; what returns meanwhile goes to the first there.
// Exchanges of a head are single steps, blocks are bits. Three threads, two blocks; each takes and returns
// one twice; the third may give up at its deadline; a fourth closes the line. What must hold stands in
// assertions; that nobody waits for ever is the end states' matter. Each FAULT_… breaks something, which must
// be noticed: scripts/model tries them all.

#define THREADS 3
#define ROUNDS 2
#define BLOCKS 3 /* both of them, as bits */
#define LANE(me) ((me + 1) / 2) /* two threads share one */

byte lane[2];
bool is_blocked[2];
byte lock = 0; // who holds it, and one more
bool is_closed = false;

byte out = 0; // blocks in somebody's hands
byte queue[THREADS];
byte length = 0;
byte given[THREADS]; // to who waits
bool is_waiting[THREADS];
byte ended = 0;

inline take_lock(me) {
    atomic { lock == 0 -> lock = me + 1 }
}
inline give_lock(me) {
    d_step { assert(lock == me + 1); lock = 0 }
}

// One exchange: a block of this lane, or none.
inline pop(l, got) {
    atomic {
        if
        :: !is_blocked[l] && (lane[l] & 1) -> got = 1; lane[l] = lane[l] & 2
        :: !is_blocked[l] && (lane[l] & 2) -> got = 2; lane[l] = lane[l] & 1
        :: is_blocked[l] || lane[l] == 0 -> got = 0
        fi
    }
}
inline block_lanes() {
    is_blocked[0] = true;
#ifdef FAULT_second_lane_open
    skip
#else
    is_blocked[1] = true
#endif
}
// While somebody waits, or when it is closed, they stay blocked; and they may stay so for a while longer.
inline unblock_lanes() {
    if
#ifdef FAULT_unblocked_while_somebody_waits
    :: !is_closed -> is_blocked[0] = false; is_blocked[1] = false
    :: is_closed -> skip
#else
    :: length == 0 && !is_closed -> is_blocked[0] = false; is_blocked[1] = false
    :: true -> skip // also when nobody waits any more: until the next one at the latest
#endif
    fi
}
// Under the lock, the lanes being blocked.
inline serve(got) {
    d_step {
        if
        :: (lane[0] & 1) -> got = 1; lane[0] = lane[0] & 2
        :: else -> if
            :: (lane[0] & 2) -> got = 2; lane[0] = lane[0] & 1
#ifndef FAULT_one_lane_searched
            :: !(lane[0] & 2) && (lane[1] & 1) -> got = 1; lane[1] = lane[1] & 2
            :: !(lane[0] & 2) && lane[1] == 2 -> got = 2; lane[1] = 0
#endif
            :: else -> got = 0
            fi
        fi
    }
}
inline leave(who, i) {
    d_step {
        i = 0;
        do
        :: i < length && queue[i] != who -> i++
        :: else -> break
        od;
        assert(i < length);
        length--;
        do
        :: i < length -> queue[i] = queue[i + 1]; i++
        :: else -> break
        od;
        i = 0
    }
}
inline hold(b) {
    d_step { assert(b == 1 || b == 2); assert((out & b) == 0); out = out | b }
}

proctype thread(byte me) {
    byte round = 0;
    byte got = 0;
    byte first = 0;
    byte i = 0;
    bool has_lock = false;
    do
    :: round == ROUNDS -> break
    :: round < ROUNDS ->
        got = 0;
        pop(LANE(me), got);
        if
        :: got == 0 -> pop(1 - LANE(me), got)
        :: got != 0 -> skip
        fi;
        if
        :: got == 0 -> // wait
            take_lock(me);
            block_lanes();
            if
            :: is_closed -> unblock_lanes(); give_lock(me); break
            :: !is_closed -> skip
            fi;
            if
            :: length == 0 -> serve(got)
            :: length != 0 -> skip
            fi;
            if
            :: got == 0 -> d_step { queue[length] = me; length++; is_waiting[me] = true }
            :: got != 0 -> skip
            fi;
            unblock_lanes();
            give_lock(me);
            if
            :: got == 0 ->
                if
                :: !is_waiting[me] -> skip
                :: me == 2 -> // the deadline
                    take_lock(me);
                    block_lanes();
#ifndef FAULT_late_one_drops_what_it_got
                    if
                    :: is_waiting[me] -> leave(me, i); is_waiting[me] = false
                    :: !is_waiting[me] -> skip
                    fi;
#else
                    if
                    :: is_waiting[me] -> leave(me, i)
                    :: !is_waiting[me] -> given[me] = 0
                    fi;
                    is_waiting[me] = false;
#endif
                    unblock_lanes();
                    give_lock(me)
                fi;
                got = given[me];
                given[me] = 0
            :: got != 0 -> skip
            fi
        :: got != 0 -> skip
        fi;
        if
        :: got == 0 -> break // closed, or too late
        :: got != 0 -> skip
        fi;
        hold(got);
        out = out & ~got;
        atomic { // one exchange
            if
            :: !is_blocked[LANE(me)] -> lane[LANE(me)] = lane[LANE(me)] | got; got = 0
            :: is_blocked[LANE(me)] -> skip
            fi
        };
        if
        :: got != 0 ->
            take_lock(me);
            block_lanes();
            if
            :: length != 0 -> d_step {
                first = queue[0];
                given[first] = got
            };
                leave(first, i);
                is_waiting[first] = false
            :: length == 0 -> d_step { assert((lane[0] & got) == 0); lane[0] = lane[0] | got }
            fi;
            got = 0;
            first = 0;
            unblock_lanes();
            give_lock(me)
        :: got == 0 -> skip
        fi;
        round++
    od;
    ended++
}

proctype closer() {
    byte i = 0;
    byte who = 0;
    if
    :: true -> // or never
        take_lock(THREADS);
        block_lanes();
        is_closed = true;
        do
        :: length != 0 ->
            who = queue[0];
            leave(who, i);
#ifndef FAULT_close_forgets_a_waiter
            is_waiting[who] = false
#endif
        :: length == 0 -> break
        od;
        give_lock(THREADS)
    :: true -> skip
    fi;
    ended++
}

init {
    atomic {
        lane[0] = 1;
        lane[1] = 2;
        run thread(0);
        run thread(1);
        run thread(2);
        run closer()
    };
    ended == THREADS + 1;
    assert(out == 0 && length == 0);
    assert((lane[0] | lane[1]) == BLOCKS && (lane[0] & lane[1]) == 0) // nothing is lost
}
