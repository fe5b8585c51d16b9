// The error texts that more than one place of this library sends. They are Redis's: clients match on them.
#pragma once

#include <string>
#include <string_view>

namespace cowslip::commands {

inline constexpr std::string_view kWrongType = "WRONGTYPE Operation against a key holding the wrong kind of value";
inline constexpr std::string_view kSyntaxError = "ERR syntax error";
inline constexpr std::string_view kNotAnInteger = "ERR value is not an integer or out of range";
inline constexpr std::string_view kNotAFloat = "ERR value is not a valid float";
inline constexpr std::string_view kNoKeyCount = "ERR numkeys should be greater than 0";
inline constexpr std::string_view kNoSuchKey = "ERR no such key";
inline constexpr std::string_view kSameObject = "ERR source and destination objects are the same";
inline constexpr std::string_view kDatabaseOutOfRange = "ERR DB index is out of range";
inline constexpr std::string_view kStringTooLong = "ERR string exceeds maximum allowed size (proto-max-bulk-len)";

inline constexpr std::string_view kNotInTransaction = "ERR Command not allowed inside a transaction";

inline constexpr std::string_view kNoAuthentication = "NOAUTH Authentication required.";
inline constexpr std::string_view kOutOfMemory = "OOM command not allowed when used memory > 'maxmemory'.";
inline constexpr std::string_view kDatasetLoading = "LOADING Redis is loading the dataset in memory";
inline constexpr std::string_view kWritesStopped =
    "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands that "
    "may "
    "modify the data set are disabled, because this instance is configured to report errors during writes if RDB "
    "snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB "
    "error.";
inline constexpr std::string_view kDebugNotAllowed =
    "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you can run it from a "
    "local "
    "connection, otherwise you need to set this option in the configuration file, and then restart the server.";

// `full_name`: "get", "config|get".
std::string wrong_arity(std::string_view full_name);
// An expiry that cannot be, in the command of that name.
std::string invalid_expire_time(std::string_view full_name);

}  // namespace cowslip::commands
