// cenote: SPDX-License-Identifier: MIT
#include <cenote/buffer/buffer_keeper.hpp>

namespace cenote::inline v0_1 {

buffer_keeper::buffer_keeper(buffer_pool& pool, const buffer_keeper_options& wanted) noexcept
    : pool_(&pool), pressure_(wanted.watch_pressure ? sync::open_memory_pressure(wanted.pressure_file) : -1),
      event_(wanted.pressure_event) {
    (void)thread_.start(&work, this, pressure_, event_); // `is_running` says whether
}

buffer_keeper::~buffer_keeper() {
    thread_.stop();
    sync::close_memory_pressure(pressure_);
}

std::int64_t buffer_keeper::work(void* self, bool is_urgent) noexcept {
    buffer_pool& pool = *static_cast<buffer_keeper*>(self)->pool_;
    if (is_urgent) (void)pool.trim();
    return engine::deadline_at(pool.tick());
}

} // namespace cenote::inline v0_1
