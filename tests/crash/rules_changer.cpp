#include "tests/crash/rules_changer.hpp"

#include "net/tally_generated.h"

#include <chrono>
#include <thread>

namespace tally::crash {

bool rules_changer::apply_one(net::client& client) {
  const std::string toml = toml_of(seqs_.size() + 1);
  command put;
  put.kind = op::put_program;
  put.merchant = merchant_name;
  put.toml = toml;
  const bool again = in_flight_;
  in_flight_ = true;
  const auto answered = client.call(put);
  if (!answered)
    return true;
  in_flight_ = false;
  const outcome& head = answered->head;
  const bool was_done = again && head.status == outcome_status::duplicate;
  if (head.status != outcome_status::ok && !was_done)
    problem = "put_program: " + std::string(name_of(head.status)) + " " + head.what;
  else if (head.version != seqs_.size() + 1)
    problem = "put_program: version " + std::to_string(head.version) + " after " + std::to_string(seqs_.size());
  else if (!seqs_.empty() && head.seq.value <= seqs_.back())
    problem = "put_program: entry " + std::to_string(head.seq.value) + " after " + std::to_string(seqs_.back());
  found_done += was_done ? 1 : 0;
  seqs_.push_back(head.seq.value);
  acknowledged_.store(static_cast<std::uint32_t>(seqs_.size()));
  return problem.empty();
}

void rules_changer::run(std::uint16_t port, const std::atomic<bool>& enough) {
  net::client_options options;
  options.port = port;
  options.reconnect_for = std::chrono::milliseconds(0);
  auto connected = net::client::connect(options);
  if (!connected)
    return;
  while (in_flight_ || !enough) {
    if (!apply_one(**connected) || in_flight_)
      return;
    if (!enough)
      std::this_thread::sleep_for(std::chrono::milliseconds(std::uniform_int_distribution<int>(0, 20)(random_)));
  }
}

std::string rules_changer::read_back(net::client& client) const {
  command read;
  read.kind = op::programs;
  read.merchant = merchant_name;
  const auto listed = client.call(read);
  if (!listed || listed->document == nullptr || listed->document->programs() == nullptr)
    return "programs: no list";
  const auto& programs = *listed->document->programs();
  if (programs.size() != seqs_.size())
    return "programs: " + std::to_string(programs.size()) + " versions, acknowledged were " + std::to_string(seqs_.size());
  std::vector<std::uint64_t> found(seqs_.size());
  for (const auto* one : programs)
    if (const auto version = static_cast<std::uint64_t>(one->version()); version >= 1 && version <= found.size())
      found[version - 1] = one->seq()->value();
  if (found != seqs_)
    return "programs: other entries than were acknowledged";
  read.kind = op::program;
  for (std::uint32_t version = 1; version <= seqs_.size(); ++version) {
    read.version = version;
    const auto shown = client.call(read);
    if (!shown || shown->document == nullptr || shown->document->toml() == nullptr)
      return "program " + std::to_string(version) + ": not shown";
    if (shown->document->toml()->str() != toml_of(version))
      return "program " + std::to_string(version) + ": other rules than were applied";
  }
  return {};
}

std::string rules_changer::toml_of(std::uint64_t number) const {
  return R"(merchant = "crash"
name = "Version )" +
         std::to_string(number) + R"("
[enroll]
opening_points = 500
[earn]
points = "1"
per = "1.00"
[redeem]
points = 100
value = "1.00"
[review]
max_points_per_order = )" +
         std::to_string(review_above) + "\n";
}

} // namespace tally::crash
