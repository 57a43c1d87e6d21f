// cenote: SPDX-License-Identifier: MIT
//
// Threads, two pools and the registry, as in include/cenote/concurrent/: magazines are exchanged with a depot
// under the pool's lock, a thread that ends leaves its magazines to the pool, a pool that ends parts with the
// caches of all threads, and another is made at its address. Blocks are bits; every set of them is a byte. What
// must hold stands in assertions; that nobody waits for ever is the end states' matter. Each FAULT_…
// breaks something, which must be noticed: scripts/model tries them all.

#define WORKERS 2
#define CALLS 2 /* of each worker, before it ends */
#define ALL 3   /* the blocks of a pool: two */
#define NONE 0

#define IS_ONE(set) (set == 1 || set == 2)
#define AT(t, p) ((t) * 2 + (p))

byte registry_lock = 0; // who holds it: a process and one more
byte pool_lock[2];

// A pool. Its number is 0 while there is none; a fork sees only pools with one.
byte id[2];
byte depot[2];    // free blocks: full magazines and slabs
byte returned[2]; // in magazines that threads left
byte live[2];
byte caches[2];   // of which threads
byte pins[2];
byte last_id = 0;
byte unpinned = 0;

// What its user promises: nobody calls a pool that is about to end.
byte callers[2];
bool is_closed[2];

// A thread's cache of a pool: the number of the pool that it is of, and a magazine of one block. A second
// magazine, which a thread exchanges with the first by itself, would change nothing for the others.
byte key[4];
byte loaded[4];

inline take(lock) {
    atomic { lock == 0 -> lock = _pid + 1 }
}
inline give(lock) {
    d_step { assert(lock == _pid + 1); lock = 0 }
}
inline take_pool(p) {
    assert(id[p] != 0); // its memory may be gone
    take(pool_lock[p])
}

// A block changes hands between the library and its user.
inline hand_out(p, magazine) {
    d_step {
        assert(IS_ONE(magazine));
        assert((live[p] & magazine) == 0);
        live[p] = live[p] | magazine;
        magazine = NONE
    }
}
inline take_back(p, block) {
    atomic {
        if
        :: (live[p] & 1) -> block = 1; live[p] = live[p] & 2
        :: (live[p] & 2) -> block = 2; live[p] = live[p] & 1
        :: live[p] == NONE -> block = NONE
        fi
    }
}

// Into the depot, with a look at it first: the lock makes one step of the two.
inline put(p, set, was) {
    was = depot[p];
    d_step {
        assert((was & set) == 0);
        depot[p] = was | set;
        was = 0
    }
}

inline collect(p, was) {
    if
    :: returned[p] != NONE ->
        was = returned[p];
        d_step { returned[p] = NONE; depot[p] = depot[p] | was; was = 0 }
    :: else
    fi
}

// The pool's lock is held, and the registry's taken under it.
inline join(t, p) {
    take(registry_lock);
    key[AT(t, p)] = id[p];
    give(registry_lock);
    caches[p] = caches[p] | (1 << t)
}

inline refill(t, p, set, was) {
#ifndef FAULT_refill_without_the_lock
    take_pool(p);
#endif
    collect(p, was);
    was = depot[p];
    if
    :: was & 1 -> set = 1
    :: was & 2 -> set = 2
    :: was == NONE -> set = NONE
    fi;
    d_step { depot[p] = was & ~set; loaded[AT(t, p)] = set; set = 0; was = 0 }
#ifndef FAULT_refill_without_the_lock
    give(pool_lock[p]);
#endif
}

inline allocate(t, p, set, was) {
    if
    :: key[AT(t, p)] != id[p] -> take_pool(p); join(t, p); give(pool_lock[p])
    :: else
    fi;
    if
    :: loaded[AT(t, p)] == NONE -> refill(t, p, set, was)
    :: else
    fi;
    if
    :: loaded[AT(t, p)] != NONE ->
        hand_out(p, loaded[AT(t, p)])
    :: else // all blocks are live, or cached elsewhere
    fi
}

inline free_exact(p, block, was) {
    take_pool(p);
    collect(p, was);
    put(p, block, was);
    give(pool_lock[p])
}

inline deallocate(t, p, block, was) {
    if // there may be no memory for a cache
    :: key[AT(t, p)] != id[p] -> free_exact(p, block, was); block = NONE
    :: key[AT(t, p)] != id[p] -> take_pool(p); join(t, p); give(pool_lock[p])
    :: key[AT(t, p)] == id[p]
    fi;
    if
    :: block != NONE && loaded[AT(t, p)] != NONE ->
        take_pool(p);
        collect(p, was);
        put(p, loaded[AT(t, p)], was);
        give(pool_lock[p]);
#ifdef FAULT_flush_keeps_the_magazine
        block = loaded[AT(t, p)]
#endif
    :: else
    fi;
    d_step {
        if
        :: block != NONE -> loaded[AT(t, p)] = block
        :: else
        fi;
        block = NONE
    }
}

// The pool's lock is held.
inline part(t, p, was) {
    caches[p] = caches[p] & ~(1 << t);
#ifndef FAULT_magazines_forgotten
    was = returned[p];
    d_step { returned[p] = was | loaded[AT(t, p)]; was = 0 }
#endif
    loaded[AT(t, p)] = NONE
}

inline end_thread(t, p, was) {
    take(registry_lock);
    if
    :: key[AT(t, p)] == 0 -> give(registry_lock)
    :: else ->
#ifdef FAULT_pool_awaited_under_the_registry
        take_pool(p);
        part(t, p, was);
        give(pool_lock[p]);
        key[AT(t, p)] = 0;
        give(registry_lock)
#else
#ifndef FAULT_end_of_a_thread_without_a_pin
        pins[p] = pins[p] + 1;
#endif
        give(registry_lock);
        take_pool(p);
        part(t, p, was);
        give(pool_lock[p]);
        take(registry_lock);
        key[AT(t, p)] = 0;
#ifndef FAULT_end_of_a_thread_without_a_pin
        pins[p] = pins[p] - 1;
        unpinned++;
#endif
        give(registry_lock)
#endif
    fi
}


proctype worker(byte t) {
    byte calls = 0;
    byte p, set, was;
    do
    :: atomic {
        calls < CALLS -> calls++;
        if // a call needs a pool that is there, and keeps it there
        :: callers[0]++; p = 0
        :: !is_closed[1] -> callers[1]++; p = 1
        fi };
        if
        :: allocate(t, p, set, was)
        :: take_back(p, set);
            if
            :: set != NONE -> deallocate(t, p, set, was)
            :: else
            fi
        fi;
        d_step { callers[p]--; p = 0 }
    :: break
    od;
    calls = 0;
    end_thread(t, 0, was);
    end_thread(t, 1, was);
    // A destructor that runs later still may free.
    take_back(0, set);
    if
    :: set != NONE ->
#ifdef FAULT_cache_after_the_end
        deallocate(t, 0, set, was)
#else
        free_exact(0, set, was);
        set = NONE
#endif
    :: else
    fi
}

inline create(p) {
    d_step {
#ifdef FAULT_number_used_again
        id[p] = p + 1;
#else
        last_id++;
        id[p] = last_id;
#endif
        depot[p] = ALL;
        is_closed[p] = false
    }
}

// Pool 1 ends, and another takes its place.
proctype owner() {
    byte t = 0;
    byte was, seen;
    atomic { callers[1] == 0 -> is_closed[1] = true }
    take(registry_lock);
    do
    :: pins[1] != 0 ->
        seen = unpinned;
        give(registry_lock);
        unpinned != seen;
        take(registry_lock)
    :: else -> break
    od;
    seen = 0;
    take_pool(1);
    do
    :: t < WORKERS ->
        if
        :: caches[1] & (1 << t) ->
            part(t, 1, was);
#ifndef FAULT_number_used_again
            key[AT(t, 1)] = 0
#endif
        :: else
        fi;
        t++
    :: else -> break
    od;
    t = 0;
    give(pool_lock[1]);
    id[1] = 0;
    give(registry_lock);
    d_step { depot[1] = depot[1] | returned[1]; returned[1] = NONE }
    // Quiet: what is not live is in the depot. Its memory goes.
    d_step {
        assert((depot[1] ^ live[1]) == ALL && (depot[1] & live[1]) == NONE);
        assert(caches[1] == NONE && pins[1] == 0 && pool_lock[1] == 0);
        depot[1] = NONE;
        live[1] = NONE
    }
    create(1)
}

// A pool's lock is not awaited for ever under the registry's, because the pool's may be held by who waits for
// that. To wait for a while is no more than to be slow, which every process here may be.
proctype forker() {
    do
    :: take(registry_lock);
#ifdef FAULT_fork_awaits_pools
        if
        :: id[0] != 0 -> take(pool_lock[0]); give(pool_lock[0])
        :: else
        fi;
        give(registry_lock);
        break
#else
        if
        :: atomic { pool_lock[0] == 0 -> pool_lock[0] = _pid + 1 }
            if
            :: atomic { id[1] != 0 && pool_lock[1] == 0 -> pool_lock[1] = _pid + 1 }
                give(pool_lock[1]); // the fork was before this
                give(pool_lock[0]);
                give(registry_lock);
                break
            :: else -> give(pool_lock[0]); give(registry_lock)
            fi
        :: else -> give(registry_lock)
        fi
#endif
    od
}

inline check_quiet(p) {
    d_step {
        assert(caches[p] == NONE);
        assert((loaded[AT(0, p)] | loaded[AT(1, p)]) == NONE);
        assert((depot[p] & live[p]) == NONE && (depot[p] & returned[p]) == NONE && (live[p] & returned[p]) == NONE);
        assert((depot[p] | live[p] | returned[p]) == ALL)
    }
}

init {
    atomic {
        create(0);
        create(1);
        run worker(0);
        run worker(1);
        run owner();
        run forker()
    }
    _nr_pr == 1;
    check_quiet(0);
    check_quiet(1)
}
