#include "server/rpc/unknown_fields.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/unknown_field_set.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "server/rpc/field_check.h"

namespace cascade {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr size_t kMaxFields = 8;

void Collect(const Message& message, absl::string_view path,
             std::vector<std::string>& out) {
  const Reflection& reflection = *message.GetReflection();
  const auto& unknown = reflection.GetUnknownFields(message);
  for (int i = 0; i < unknown.field_count() && out.size() < kMaxFields; ++i) {
    out.push_back(SubField(path, absl::StrCat(unknown.field(i).number())));
  }
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    const std::string name = SubField(path, field->name());
    if (!field->is_repeated()) {
      Collect(reflection.GetMessage(message, field), name, out);
      continue;
    }
    const int size = reflection.FieldSize(message, field);
    for (int i = 0; i < size && out.size() < kMaxFields; ++i) {
      Collect(reflection.GetRepeatedMessage(message, field, i),
              ElementField(name, i), out);
    }
  }
}

}  // namespace

std::vector<std::string> UnknownFields(const Message& message) {
  std::vector<std::string> fields;
  Collect(message, "", fields);
  return fields;
}

}  // namespace cascade
