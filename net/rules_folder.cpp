#include "net/rules_folder.hpp"

#include "engine/rules_toml.hpp"
#include "net/tally_generated.h"

#include <chrono>
#include <fstream>
#include <iterator>

namespace tally::net {

namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr auto look_interval = 500ms;

// The document, or nullopt: it cannot be read, or is longer than one may be by far.
std::optional<std::string> content_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::string text(rules_bytes_max + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad() || (!in && !in.eof()))
    return std::nullopt;
  text.resize(static_cast<std::size_t>(in.gcount()));
  return text;
}

std::string text_of(const flatbuffers::String* text) { return text != nullptr ? text->str() : std::string(); }

} // namespace

rules_folder::rules_folder(fs::path folder, const client_options& server, reporter report)
    : folder_(std::move(folder)), server_(server), report_(std::move(report)) {}

rules_folder::~rules_folder() {
  {
    const std::lock_guard guard(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable())
    thread_.join();
}

void rules_folder::apply_all() { look(true); }

void rules_folder::watch() {
  thread_ = std::thread([this] { run(); });
}

void rules_folder::run() {
  std::unique_lock guard(mutex_);
  while (!wake_.wait_for(guard, look_interval, [this] { return stopping_; })) {
    guard.unlock();
    look(false);
    guard.lock();
  }
}

void rules_folder::look(bool at_once) {
  std::error_code error;
  std::map<fs::path, stamp> found;
  for (fs::directory_iterator at(folder_, error), end; !error && at != end; at.increment(error)) {
    std::error_code unreadable;
    const stamp now{at->last_write_time(unreadable), at->is_regular_file(unreadable) ? at->file_size(unreadable) : 0};
    if (at->path().extension() == ".toml" && !unreadable && at->is_regular_file(unreadable))
      found.emplace(at->path(), now);
  }
  if (error && !is_missing_)
    report_(true, folder_.string() + ": " + error.message() + "; the rules in force stay");
  is_missing_ = static_cast<bool>(error);
  if (error)
    return;
  std::erase_if(files_, [&](const auto& each) { return !found.contains(each.first); });
  for (const auto& [file, now] : found) {
    auto [place, is_new] = files_.try_emplace(file, known_file{now, false, {}});
    known_file& known = place->second;
    const bool stands_still = !is_new && known.seen == now;
    if (known.seen != now)
      known = {now, false, known.merchant};
    if (!known.is_decided && (at_once || stands_still))
      apply(file, known);
  }
}

void rules_folder::apply(const fs::path& file, known_file& known) {
  const std::optional<std::string> toml = content_of(file);
  if (!toml) {
    known.is_decided = true;
    return report_(true, file.string() + " cannot be read; the version in force stays");
  }
  // Whose it is must be known before the ledger is asked; whether there is such a time zone is the ledger's to say.
  const auto read = read_rules(*toml, [](std::string_view, std::int64_t) { return std::optional<std::int64_t>(0); });
  if (const auto* problems = std::get_if<std::vector<rules_problem>>(&read)) {
    known.is_decided = true;
    refuse(file, "");
    for (const rules_problem& each : *problems)
      name_problem(file, each.line, each.key, each.what);
    return;
  }
  const std::string& merchant = std::get<ruleset>(read).merchant;
  for (const auto& [other, its] : files_)
    if (other != file && its.merchant == merchant) {
      known.is_decided = true;
      return refuse(file, ": " + other.string() + " has the rules of " + merchant + " already");
    }
  if (!client_) {
    auto connected = client::connect(server_);
    if (!connected)
      return; // the server is stopping, or has no room: the next look tries again
    client_ = std::move(*connected);
  }
  command asked;
  asked.kind = op::put_program;
  asked.merchant = merchant;
  asked.toml = *toml;
  asked.note = "rules folder";
  const result<answer> answered = client_->call(asked);
  if (!answered || answered->head.status == outcome_status::overloaded || answered->head.status == outcome_status::unavailable) {
    client_.reset();
    return;
  }
  known.is_decided = true;
  const outcome& head = answered->head;
  if (head.status == outcome_status::ok)
    report_(false, file.string() + " is version " + std::to_string(head.version) + " of the rules of " + merchant);
  if (head.status == outcome_status::ok || head.status == outcome_status::duplicate) {
    known.merchant = merchant;
    return;
  }
  refuse(file, ": " + head.what);
  if (answered->document != nullptr && answered->document->problems() != nullptr)
    for (const wire::problem* each : *answered->document->problems())
      name_problem(file, static_cast<std::uint32_t>(each->line().value_or(0)), text_of(each->key()), text_of(each->what()));
}

void rules_folder::refuse(const fs::path& file, const std::string& why) const {
  report_(true, file.string() + " is refused, and the version in force stays" + why);
}

void rules_folder::name_problem(const fs::path& file, std::uint32_t line, const std::string& key, const std::string& what) const {
  report_(true, file.string() + (line != 0 ? ":" + std::to_string(line) : "") + ": " + key + ": " + what);
}

} // namespace tally::net
