// cenote: SPDX-License-Identifier: MIT
//
// Plain words that one thread at a time writes, mostly under a lock, and that others read without it; or that
// threads exchange. Light, unlike sync.hpp: headers of pools for one thread include it.
#pragma once

namespace cenote::inline v0_1::sync {

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
/// More, in no order with anything; the old value.
template<class T>
inline T fetch_add(T& word, T more) noexcept {
    return __atomic_fetch_add(&word, more, __ATOMIC_RELAXED);
}
/// Less; the old value. What others did before their own is seen by the last.
template<class T>
[[nodiscard]] inline T fetch_sub(T& word, T less) noexcept {
    return __atomic_fetch_sub(&word, less, __ATOMIC_ACQ_REL);
}
/// `value` in exchange for `expected`, if that stood there; otherwise false, and `expected` is what does.
template<class T>
[[nodiscard]] inline bool compare_exchange(T& word, T& expected, T value) noexcept {
    return __atomic_compare_exchange_n(&word, &expected, value, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

} // namespace cenote::inline v0_1::sync
