#include "tests/differential/pool.h"

#include <ctime>

#include "base/text.h"

namespace cowslip::testing {

namespace {

constexpr uint64_t kKeysOfType = 5;

}  // namespace

Pool::Pool(uint64_t seed) : random_(seed) {
  for (int i = 0; i < 16; ++i) keys_.push_back("key:" + std::to_string(i));
  keys_.insert(keys_.end(), {"", " ", "a b", "line\r\nbreak", std::string("\0nul\0", 5), "\xff\xfe\x80", "{tag}1", "*",
                             "[glob]?", "counter", "float", "0042", std::string(300, 'k')});
}

int64_t Pool::between(int64_t low, int64_t high) {
  return low + static_cast<int64_t>(random_.below(static_cast<uint64_t>(high - low) + 1));
}

std::string Pool::one_of(std::initializer_list<std::string_view> items) {
  return std::string(items.begin()[random_.below(items.size())]);
}

std::string Pool::key() {
  if (chance(5)) return "fresh:" + std::to_string(random_.below(100000));
  if (chance(25)) return one_of({"list", "hash", "set", "zset"}) + ":" + std::to_string(random_.below(kKeysOfType));
  return pick(keys_);
}

std::string Pool::key_of(std::string_view type) {
  if (chance(15)) return key();
  return std::string(type) + ":" + std::to_string(random_.below(kKeysOfType));
}

std::string Pool::member() {
  const uint64_t kind = random_.below(100);
  if (kind < 55) return "m" + std::to_string(between(0, 40));
  if (kind < 75) return std::to_string(between(-20, 120));
  if (kind < 85) return short_text();
  if (kind < 89) return bytes(static_cast<size_t>(between(0, 20)));
  if (kind < 93) {
    return one_of({"127", "128", "-128", "-129", "32767", "32768", "-32769", "8388608", "2147483647", "2147483648",
                   "-2147483649", "9223372036854775807", "-9223372036854775808"});
  }
  if (kind < 97) return std::string(static_cast<size_t>(between(10, 50)), 'm');
  if (kind < 99) return std::string(static_cast<size_t>(between(63, 66)), 'l');
  return value();
}

void Pool::add_scan_options(std::vector<std::string>& arguments) {
  if (chance(40))
    arguments.insert(arguments.end(), {word("MATCH"), one_of({"*", "m*", "?", "many:?", "*1*", "", "[0-9]"})});
  if (chance(50)) {
    const std::string count = chance(90) ? std::to_string(between(1, 100)) : integer();
    arguments.insert(arguments.end(), {word("COUNT"), count});
  }
  if (chance(3)) arguments.push_back(one_of({"MATCH", "COUNT", "TYPE", "HUH"}));
  if (chance(1)) arguments.insert(arguments.end(), {"TYPE", "string"});
}

std::string Pool::bytes(size_t length) {
  std::string text;
  for (size_t i = 0; i < length; ++i) text += static_cast<char>(random_.below(256));
  return text;
}

std::string Pool::short_text() {
  return one_of({"",
                 "a",
                 "hello",
                 "Hello World",
                 " 12",
                 "12 ",
                 "+5",
                 "007",
                 "-0",
                 "1.0",
                 "3.14",
                 "1e3",
                 "nan",
                 "inf",
                 "-inf",
                 "0x10",
                 "9223372036854775807",
                 "-9223372036854775808",
                 "9223372036854775808",
                 "18446744073709551615",
                 "1.7976931348623157e308",
                 "1e4932",
                 "ohmytext",
                 "mynewtext"});
}

std::string Pool::long_text() {
  switch (random_.below(6)) {
    case 0:
      return std::string(static_cast<size_t>(between(1, 3000)), 'x');
    case 1:
      return bytes(static_cast<size_t>(between(1, 200)));
    case 2:
      return std::string(static_cast<size_t>(between(40, 48)), 'e');  // around the limit of embstr
    case 3:
      return std::string(static_cast<size_t>(between(1015, 1035)), 'i');
    case 4: {
      std::string text;
      while (text.size() < 600) text += "a phrase that comes again and again; " + std::to_string(random_.below(10));
      return text;
    }
    default:
      return std::string(chance(10) ? 100'000 : 10'000, static_cast<char>('a' + random_.below(26)));
  }
}

std::string Pool::value() {
  const uint64_t kind = random_.below(10);
  if (kind < 4) return std::to_string(between(-1000, 20000));
  if (kind < 8) return short_text();
  return long_text();
}

std::string Pool::odd_number() {
  return one_of({"9223372036854775807",
                 "-9223372036854775808",
                 "9223372036854775806",
                 "9223372036854775808",
                 "99999999999999999999999",
                 "4294967296",
                 "2147483648",
                 "-2147483649",
                 "",
                 "abc",
                 "1.5",
                 " 1",
                 "1 ",
                 "+1",
                 "01",
                 "-0",
                 "0x1",
                 "1e2",
                 "--1",
                 "\x01"});
}

std::string Pool::integer() {
  return chance(20) ? odd_number() : std::to_string(between(-100, 100));
}

std::string Pool::real() {
  if (chance(15)) return odd_number();
  if (chance(15)) {
    return one_of({"inf", "-inf", "+inf", "nan", "1e308", "-1e308", "1e-300", "1e4000", "3.0e3", "1.5.", ".5", "5.",
                   " 1.5", "infinity", "0.1", "-0.0", "1e17", "123456789012345678"});
  }
  return std::to_string(between(-1000, 1000)) + "." + std::to_string(random_.below(1000));
}

std::string Pool::offset() {
  if (chance(6)) return odd_number();
  if (chance(6)) return one_of({"536870911", "536870912", "-536870912", "1000000"});
  return std::to_string(between(-20, 60));
}

std::string Pool::database() {
  if (chance(8)) return one_of({"16", "15", "-1", "abc", "", "1.5", "99999999999999999999", "2147483648", "01"});
  return std::to_string(between(0, 3));
}

std::string Pool::glob() {
  return one_of({"*",       "key:*",         "key:?",  "key:1[0-4]", "key:[^0-4]*", "k*y*1", "\\*",
                 "[glob]*", "\\[glob\\]\\?", "",       "h?llo",      "*[",          "[a-",   "\\",
                 "fresh:*", "???",           "*\xff*", "**",         "[z-a]*",      "[]*"});
}

std::string Pool::seconds_to_live() {
  if (chance(20)) return odd_number();
  if (chance(15)) return one_of({"0", "-1", "-100", "9223372036854775", "9223370482000000", "-9223372036854775808"});
  return std::to_string(between(100'000, 10'000'000));
}

std::string Pool::milliseconds_to_live() {
  if (chance(20)) return odd_number();
  if (chance(15)) return one_of({"0", "-1", "9223372036854775807", "9223370000000000000", "-9223372036854775808"});
  return std::to_string(between(100'000'000, 10'000'000'000));
}

std::string Pool::unix_seconds() {
  if (chance(20)) return odd_number();
  if (chance(15)) return one_of({"0", "1", "-1", "1000000000", "9223372036854775", "9223372036854776"});
  return std::to_string(std::time(nullptr) / 100'000 * 100'000 + between(1, 20) * 100'000 + 50'000);
}

std::string Pool::unix_milliseconds() {
  if (chance(20)) return odd_number();
  if (chance(15)) return one_of({"0", "1", "-1", "1000000000000", "9223372036854775807"});
  return std::to_string((std::time(nullptr) / 100'000 * 100'000 + between(1, 20) * 100'000 + 50'000) * 1000 + 7);
}

std::string Pool::word(std::string_view text) {
  if (chance(70)) return std::string(text);
  std::string mixed(text);
  for (char& c : mixed) c = chance(50) ? ascii_lower(c) : to_upper(std::string_view(&c, 1))[0];
  return mixed;
}

}  // namespace cowslip::testing
