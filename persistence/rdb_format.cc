#include "persistence/rdb_format.h"

namespace cowslip::persistence {

std::string_view rdb_type_name(uint8_t type) {
  switch (static_cast<RdbType>(type)) {
    case RdbType::kString:
      return "string";
    case RdbType::kList:
      return "list";
    case RdbType::kSet:
      return "set";
    case RdbType::kSortedSet:
      return "sorted set (scores as text)";
    case RdbType::kHash:
      return "hash";
    case RdbType::kSortedSet2:
      return "sorted set";
    case RdbType::kModulePreGa:
      return "module (pre-release)";
    case RdbType::kModule2:
      return "module";
    case RdbType::kHashZipmap:
      return "hash (zipmap)";
    case RdbType::kListZiplist:
      return "list (ziplist)";
    case RdbType::kSetIntset:
      return "set (intset)";
    case RdbType::kSortedSetZiplist:
      return "sorted set (ziplist)";
    case RdbType::kHashZiplist:
      return "hash (ziplist)";
    case RdbType::kListQuicklist:
      return "list (quicklist of ziplists)";
    case RdbType::kStreamListpacks:
      return "stream";
    case RdbType::kHashListpack:
      return "hash (listpack)";
    case RdbType::kSortedSetListpack:
      return "sorted set (listpack)";
    case RdbType::kListQuicklist2:
      return "list (quicklist)";
    case RdbType::kStreamListpacks2:
      return "stream (second form)";
    case RdbType::kSetListpack:
      return "set (listpack)";
    case RdbType::kStreamListpacks3:
      return "stream (third form)";
  }
  return {};
}

std::string rdb_module_name(uint64_t id) {
  constexpr std::string_view kCharacters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string name;
  for (int shift = 58; shift >= 10; shift -= 6) name += kCharacters[id >> shift & 63];
  return name;
}

}  // namespace cowslip::persistence
