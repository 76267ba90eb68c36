// One operation as a JSON object (SPEC sections 4, 9, 11 "JSON") to a command. Says no only to what the wire could not carry:
// JSON that is none, unknown or repeated keys, values of the wrong type. Whether the values make sense the server decides.
#pragma once

#include "engine/command.hpp"
#include "net/operation_fields.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace tally::net {

// Why a line is `invalid`; an empty `where` stands for the line as a whole.
struct operation_problem {
  std::string what;
  std::string where; // a path such as `lines[0].amount`
};

// Reads line after line into the same memory.
class operation_reader {
public:
  operation_reader();
  ~operation_reader();

  // Strings and lines of `out` live until the next call. On a problem `out.kind` is the operation if it was known.
  std::optional<operation_problem> read(std::string_view line, command& out);

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

// Fills one field from plain text, as a flag of the command line has it; says what is wrong otherwise. Not for `lines`.
std::optional<operation_problem> set_field(const operation_field& field, std::string_view text, command& out);
// A receipt line from `sku=S,quantity=N,amount=M[,category=C]`.
std::optional<operation_problem> parse_sale_line(std::string_view text, sale_line& out);

} // namespace tally::net
