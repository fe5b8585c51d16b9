// What the store holds, as collection_model.h has collections.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "store/hash.h"
#include "store/keyspace.h"
#include "store/list.h"
#include "store/set.h"
#include "store/sorted_set.h"
#include "tests/unit/persistence/collection_model.h"

namespace cowslip::persistence {

// What an entry of the store holds, a string as its only element.
inline CollectionModel model_of(const store::Entry& entry) {
  CollectionModel model{std::string(store::type_name(entry.type())), {}, {}};
  switch (entry.type()) {
    case store::ObjectType::kString:
      model.elements.push_back(text_of(entry.string()));
      break;
    case store::ObjectType::kList:
      store::ListView(entry).for_each_from(0, store::ListEnd::kTail, [&](const store::StringView& element) {
        model.elements.push_back(text_of(element));
        return true;
      });
      break;
    case store::ObjectType::kSet:
      store::SetView(entry).for_each(
          [&](const store::StringView& member) { model.elements.push_back(text_of(member)); });
      std::ranges::sort(model.elements);
      break;
    case store::ObjectType::kHash:
      store::HashView(entry).for_each([&](const store::StringView& field, const store::StringView& value) {
        model.pairs.emplace_back(text_of(field), text_of(value));
      });
      std::ranges::sort(model.pairs);
      break;
    default:
      store::SortedSetView(entry).for_each_from(0, true, [&](const store::ScoredMember& scored) {
        model.pairs.emplace_back(text_of(scored.member), fmt::format("{:.17g}", scored.score));
        return true;
      });
  }
  return model;
}

struct KeyModel {
  CollectionModel value;
  int64_t expire_at_ms = store::kNoExpiry;
  friend bool operator==(const KeyModel&, const KeyModel&) = default;
};
using KeyspaceModel = std::map<std::pair<int, std::string>, KeyModel>;

inline KeyspaceModel model_of(const store::Keyspace& keyspace) {
  KeyspaceModel model;
  for (int number = 0; number < keyspace.count(); number++) {
    keyspace.database(number).for_each([&](const store::Entry& entry) {
      model[{number, std::string(entry.key())}] = {model_of(entry), entry.expire_at_ms()};
    });
  }
  return model;
}

// Without the values, which may be long.
inline void expect_equal(const KeyspaceModel& found, const KeyspaceModel& expected) {
  EXPECT_EQ(found.size(), expected.size());
  for (const auto& [place, key] : expected) {
    const auto at = found.find(place);
    ASSERT_NE(at, found.end()) << "missing: " << place.second;
    EXPECT_EQ(at->second.expire_at_ms, key.expire_at_ms) << place.second;
    EXPECT_TRUE(at->second.value == key.value) << place.second << " in database " << place.first;
  }
}

}  // namespace cowslip::persistence
