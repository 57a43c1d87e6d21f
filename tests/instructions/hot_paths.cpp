// cenote: SPDX-License-Identifier: MIT
#include "hot_paths.hpp"

void hot_nothing(stage&, void**) {}
void hot_fixed_allocate(stage& on, void** slot) {
    *slot = on.fixed.allocate();
}
void hot_fixed_try_allocate(stage& on, void** slot) {
    *slot = on.fixed.try_allocate();
}
void hot_fixed_deallocate(stage& on, void** slot) {
    on.fixed.deallocate(*slot);
}
void hot_multi_allocate(stage& on, void** slot) {
    *slot = on.multi.allocate(on.size);
}
void hot_multi_deallocate(stage& on, void** slot) {
    on.multi.deallocate(*slot);
}
void hot_multi_deallocate_sized(stage& on, void** slot) {
    on.multi.deallocate(*slot, on.size);
}
void hot_shared_allocate(stage& on, void** slot) {
    *slot = on.shared.allocate();
}
void hot_shared_deallocate(stage& on, void** slot) {
    on.shared.deallocate(*slot);
}
void hot_local_allocate(stage& on, void** slot) {
    *slot = on.local.allocate();
}
void hot_local_deallocate(stage& on, void** slot) {
    on.local.deallocate(*slot);
}
void hot_shared_multi_allocate(stage& on, void** slot) {
    *slot = on.shared_multi.allocate(on.size);
}
void hot_shared_multi_deallocate(stage& on, void** slot) {
    on.shared_multi.deallocate(*slot);
}
void hot_shared_multi_deallocate_sized(stage& on, void** slot) {
    on.shared_multi.deallocate(*slot, on.size);
}
// A handle does not fit a slot, nor so many buffers a magazine: each goes as soon as it has come.
void hot_buffer_pair(stage& on, void** slot) {
    const cenote::buffer one = on.buffers.acquire(on.size);
    *slot = one.data();
}
// Likewise. Nobody else is there, and blocks are free.
void hot_bounded_pair(stage& on, void** slot) {
    const cenote::bounded_pool::block one = on.bounded.acquire();
    *slot = one.data();
}
