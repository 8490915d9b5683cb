#pragma once

#include <google/protobuf/message.h>

#include <string>
#include <vector>

namespace cascade {

// Fields that the client set and this build's `.proto` files do not have, in
// `message` and what it contains: "stages[0].sampler.17". At most a few.
std::vector<std::string> UnknownFields(
    const google::protobuf::Message& message);

}  // namespace cascade
