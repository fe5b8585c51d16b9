// DEBUG PROTOCOL: an example of each type of reply, for the tests of client libraries.
#pragma once

#include <string>
#include <string_view>

#include "protocol/reply_writer.h"

namespace cowslip::server {

// Replies with the example for `type`, in any case. False when there is no such type: nothing was written.
bool reply_protocol_example(protocol::ReplyWriter& reply, std::string_view type);
// The error that names the types there are.
std::string protocol_example_error();

}  // namespace cowslip::server
