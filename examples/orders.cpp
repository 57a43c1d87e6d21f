// cenote: SPDX-License-Identifier: MIT
//
// Objects of one type that come and go: made in a pool, owned by handles of one pointer, walked, counted.
#include <cenote/pool/object_pool.hpp>

#include <cstdio>
#include <string>
#include <utility>
#include <vector>

namespace {

struct order {
    order(int id, std::string text) : number(id), side(std::move(text)) {}
    int number;
    std::string side;
};

} // namespace

int main() {
    cenote::object_pool<order> orders{{.name = "orders"}};

    order* const first = orders.make(1, "buy");     // yours to destroy
    std::vector<cenote::unique_handle<order>> book; // these destroy themselves
    for (int number = 2; number <= 1000; ++number) {
        book.push_back(orders.make_unique(number, number % 2 == 0 ? "sell" : "buy"));
    }

    std::size_t sells = 0;
    orders.for_each([&](const order& each) { sells += each.side == "sell" ? 1 : 0; });
    std::printf("%zu of %zu live orders sell\n", sells, orders.stats().live);

    book.clear();
    orders.destroy(first);
    std::printf("%zu live, %zu bytes kept for the next\n", orders.stats().live,
                orders.stats().reserved_bytes);
    std::printf("%zu bytes given back\n", orders.trim());
}
