// What a key holds, or a command found of it, as a set of items whose order does not matter: for commands whose replies
// are each server's own choice.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "tests/support/connection.h"

namespace cowslip::testing {

// A key, a member, or a field with its value, or a member with its score (in one notation).
using Item = std::vector<std::string>;
using Items = std::set<Item>;

struct Scanned {
  Reply error = Reply::null();
  Items items;
};
// Follows the cursor of SCAN, HSCAN, SSCAN or ZSCAN to its end, whatever order and page size the server has.
Scanned scan_all(Connection& connection, Arguments arguments);

// The elements of the reply to a command that picks some at random, one after the other.
std::vector<Item> picked_items(const Reply& reply, const Arguments& arguments);
// All that such a command could pick: none if the key does not hold its type.
Items all_items(Connection& connection, const Arguments& arguments);

// Whether both replies are built in the same way, whatever the texts in them.
bool same_form(const Reply& a, const Reply& b);
// What is wrong with the elements that were picked: unknown ones, or the same twice where it must not be. Empty when
// nothing is.
std::string describe_picks(const Reply& reply, const Arguments& arguments, const Items& known);
std::string describe_items_difference(const Items& cowslip, const Items& redis);

}  // namespace cowslip::testing
