// cenote: SPDX-License-Identifier: MIT
//
// Plain words that one thread at a time writes, mostly under a lock, and that others read without it; or that
// threads exchange. Light, unlike sync.hpp: headers of pools for one thread include it.
#pragma once

namespace cenote::sync {

template<class T>
[[nodiscard]] inline T load_relaxed(const T& word) noexcept {
    return __atomic_load_n(&word, __ATOMIC_RELAXED);
}
template<class T>
inline void store_relaxed(T& word, T value) noexcept {
    __atomic_store_n(&word, value, __ATOMIC_RELAXED);
}
template<class T>
[[nodiscard]] inline T load_acquire(const T& word) noexcept {
    return __atomic_load_n(&word, __ATOMIC_ACQUIRE);
}
template<class T>
inline void store_release(T& word, T value) noexcept {
    __atomic_store_n(&word, value, __ATOMIC_RELEASE);
}
/// What stood there, in exchange for `value`; what others wrote before it is seen, and they see this
/// thread's.
template<class T>
[[nodiscard]] inline T exchange(T& word, T value) noexcept {
    return __atomic_exchange_n(&word, value, __ATOMIC_ACQ_REL);
}
/// The same if `expected` stood there; otherwise false, and `expected` is what does.
template<class T>
[[nodiscard]] inline bool compare_exchange(T& word, T& expected, T value) noexcept {
    return __atomic_compare_exchange_n(&word, &expected, value, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

} // namespace cenote::sync
