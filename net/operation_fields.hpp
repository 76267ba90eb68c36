// The fields of every operation (SPEC section 4) as one table: JSON key, flag, help text and member of the command.
// The JSON reader, the subcommands, --help, the man page and the completion are all made from it.
// What a value must be like beyond its type is the server's to say.
#pragma once

#include "engine/command.hpp"

#include <array>
#include <span>
#include <string_view>
#include <variant>

namespace tally::net {

// Which member a field fills; its type says how the field is written.
using field_member = std::variant<std::string_view command::*, std::optional<points_t> command::*, std::optional<money_t> command::*,
                                  std::optional<instant> command::*, bool command::*, std::optional<seq_t> command::*,
                                  std::optional<std::int32_t> command::*, std::optional<std::uint32_t> command::*, kind_set command::*,
                                  std::span<const sale_line> command::*>;

enum class presence : std::uint8_t { optional, required, positional, required_positional };

struct operation_field {
  std::string_view name;
  field_member member;
  presence present = presence::optional;
  std::string_view help = {};
  bool may_be_empty = false; // a text that may be ""
  bool one_name = false;     // `kind`: one name instead of a list of them

  bool required() const { return present == presence::required || present == presence::required_positional; }
  bool positional() const { return present == presence::positional || present == presence::required_positional; }
};

struct operation_shape {
  op kind = op::none;
  bool changes = false; // takes terminal, cashier and note
  std::string_view help;
  std::string_view example; // arguments of the subcommand
  std::span<const operation_field> fields;
};

// `merchant`, which every operation takes, and those that every change takes besides.
const operation_field& merchant_field();
std::span<const operation_field> change_fields();

// All operations, in the contract's order.
std::span<const operation_shape> operation_shapes();
const operation_shape& shape_of(op kind);
// nullptr if the operation has no such field.
const operation_field* find_field(const operation_shape& shape, std::string_view name);

} // namespace tally::net
