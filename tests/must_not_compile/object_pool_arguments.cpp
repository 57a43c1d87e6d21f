// cenote: SPDX-License-Identifier: MIT
//
// `make` takes what a constructor takes; `reset` is for types that need no destructor.
#include <cenote/pool/object_pool.hpp>

struct order {
    explicit order(int number) : id(number) {}
    ~order() { id = 0; }
    int id;
};

struct other {};

void use(cenote::object_pool<order>& orders, cenote::object_pool<int>& numbers, int* number) {
    order* const one = orders.make(1);
    orders.destroy(one);
    orders.destroy_all();
    numbers.reset();
    orders.for_each([](order&) { return true; });
#if CASE == 1
    // expect: object_pool<T>::make: T has no constructor for these arguments
    (void)orders.make("text");
#elif CASE == 2
    // expect: object_pool<T>::make: T has no constructor for these arguments
    (void)orders.make();
#elif CASE == 3
    // expect: object_pool<T>::try_make: T has no constructor for these arguments
    (void)orders.try_make(1, 2);
#elif CASE == 4
    // expect: object_pool<T>::make: T has no constructor for these arguments
    (void)orders.make_unique(other{});
#elif CASE == 5
    // expect: object_pool<T>::reset runs no destructors: use destroy_all
    orders.reset();
#elif CASE == 6
    // expect: (cannot convert|no known conversion|invalid conversion|cannot initialize)
    orders.destroy(number);
#elif CASE == 7
    // expect: (invocable|no matching)
    orders.for_each([](other&) {});
#endif
    (void)number;
}
