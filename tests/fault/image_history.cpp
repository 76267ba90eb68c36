#include "tests/fault/image_history.hpp"

#include "engine/hash.hpp"

#include <algorithm>

namespace tally::fault {
namespace {

constexpr std::uint32_t accounts = 8;

struct account_name {
  merchant_number merchant;
  std::string id;
};
account_name account_at(std::uint32_t index) { return {1 + index % 2, "m-" + std::to_string(index)}; }
seq_t enrolled_by(std::uint32_t index) { return {index + 1}; }

std::string line_of(merchant_number merchant, std::string_view account, seq_t last, std::uint64_t checksum) {
  return "image " + std::to_string(merchant) + "/" + std::string(account) + " at " + std::to_string(last.value) + " " +
         std::to_string(checksum);
}
std::string line_of(instant due, const std::string& whose) { return "due " + std::to_string(due.us) + " " + whose; }
std::string line_of(seq_t enrolled, const spilled_record& spilled) {
  return "spilled " + std::to_string(enrolled.value) + " " + std::to_string(static_cast<int>(spilled.kind)) + " " +
         std::to_string(spilled.hash) + " " + std::to_string(spilled.number) + " " + std::to_string(spilled.facts.earned.value) + " " +
         std::to_string(spilled.facts.total.units) + " " + std::to_string(spilled.facts.dated.us) + " " +
         std::to_string(spilled.seq.value) + " " + std::to_string(spilled.points.value) + " " + std::to_string(spilled.refund.taken.value) +
         " " + std::to_string(spilled.refund.newest.value);
}
std::string line_of(const snapshot::recovery_point& point) {
  return "point " + std::to_string(point.seq.value) + " " + std::to_string(hash64(snapshot::encode_point(point)));
}

// Whatever order they are read in.
std::string line_of_lots(std::uint64_t hash) { return " with lots " + std::to_string(hash); }
std::uint64_t hash_of(const lot_piece& piece, std::span<const lot> lots) {
  std::uint64_t hash = piece.number;
  for (const lot& each : lots)
    hash = hash64(std::string_view(reinterpret_cast<const char*>(&each), sizeof each), hash);
  return hash;
}

std::string joined(std::vector<std::string> lines) {
  std::ranges::sort(lines);
  std::string text;
  for (const std::string& each : lines)
    text += each + "\n";
  return text;
}

} // namespace

snapshot::image_store_options image_options_on(const fault_disk& disk, bool read_only) {
  return {.folder = images_name, .read_only = read_only, .env = disk.env.get(), .memtable_bytes = 64 << 10};
}

bool is_torn_list(const failure& why) {
  return why.code == failure_code::corrupt && why.what.find(images_name) != std::string::npos &&
         why.what.find("MANIFEST") != std::string::npos && why.what.find("without the folder the next start") != std::string::npos;
}

// ---- what is there ----------------------------------------------------------------------------------------------------

result<std::string> text_of(const snapshot::image_store& store) {
  std::vector<std::string> lines;
  if (store.point())
    lines.push_back(line_of(*store.point()));
  result<void> inner;
  const result<void> noted = store.for_each_note({}, {}, [&](std::string_view key, const snapshot::image_note& note) {
    const merchant_number merchant = snapshot::merchant_of_key(key);
    const std::string_view account = snapshot::account_of_key(key);
    account_state state;
    const result<bool> read = store.read(merchant, account, state);
    if (!read)
      inner = read.error();
    std::uint64_t lots = 0;
    for (const lot_piece& each : lot_pieces(state)) {
      const result<std::vector<lot>> of_piece = store.read_lots(state.enrolled_seq, each);
      if (!of_piece)
        inner = of_piece.error();
      else
        lots += hash_of(each, *of_piece);
    }
    lines.push_back(line_of(merchant, account, note.last_seq, note.checksum) + line_of_lots(lots));
    if (read && (!*read || state.last_seq != note.last_seq || snapshot::image_checksum(state) != note.checksum))
      lines.push_back("image " + std::string(account) + " is read in two ways");
    return inner.ok();
  });
  if (!noted || !inner)
    return !noted ? noted.error() : inner.error();
  for (std::uint32_t i = 0; i < accounts; ++i) {
    std::vector<spilled_record> all;
    const result<void> spilled = store.for_each_spilled(enrolled_by(i), [&](const spilled_record& each) {
      all.push_back(each);
      return false;
    });
    if (!spilled)
      return spilled.error();
    for (const spilled_record& each : all) {
      bool is_found = false;
      const auto is_it = [&](const spilled_record& other) { return is_found = line_of({}, other) == line_of({}, each); };
      if (const result<void> looked = store.find_spilled(enrolled_by(i), each.kind, each.hash, is_it); !looked)
        return looked.error();
      lines.push_back(line_of(enrolled_by(i), each) + (is_found ? "" : " is not found"));
    }
  }
  const auto note_due = [&](merchant_number merchant, std::string_view account, instant due) {
    lines.push_back(line_of(due, std::to_string(merchant) + "/" + std::string(account)));
    return true;
  };
  if (const result<void> due = store.for_each_due({}, instant::end_of_time(), note_due); !due)
    return due.error();
  return joined(std::move(lines));
}

// ---- what was written -------------------------------------------------------------------------------------------------

namespace {

// Lots that go to disk with the state, under the numbers of those that were there before.
std::uint64_t spill_some(account_state& state, std::mt19937_64& random, snapshot::image_batch& batch) {
  for (std::uint64_t i = 1; i <= spill_lots_above + random() % 300; ++i)
    state.lots.push_back({{state.last_seq.value * 1000 + i}, {static_cast<std::int64_t>(1 + random() % 100)}, {}, {}, {1}, {}});
  std::vector<spilled_lots> pieces;
  list_spillable_lots(state, {}, pieces);
  std::uint64_t hash = 0;
  for (const spilled_lots& each : pieces) {
    batch.add_lots(state.enrolled_seq, each);
    hash += hash_of(each.piece, each.lots);
  }
  forget_spilled_lots(state, pieces);
  return hash;
}

} // namespace

snapshot::image_batch expected_images::make_batch(std::mt19937_64& random) {
  snapshot::image_batch batch;
  for (std::uint64_t count = 1 + random() % 4; count > 0; --count) {
    const auto index = static_cast<std::uint32_t>(random() % accounts);
    const account_name whose = account_at(index);
    account_state state;
    state.status = account_status::active;
    state.merchant = whose.merchant;
    state.enrolled_seq = enrolled_by(index);
    state.last_seq = {++seq_};
    state.available = {static_cast<std::int64_t>(random() % 1'000'000)};
    for (std::uint64_t references = random() % 8; references > 0; --references)
      state.references.push_back(make_reference(random(), op::redeem, {seq_}));
    const std::string name = std::to_string(whose.merchant) + "/" + whose.id;
    if (random() % 3 == 0) {
      state.next_due = {static_cast<std::int64_t>(1 + random() % 1000)};
      dues_.emplace(state.next_due.us, name);
    }
    for (std::uint64_t spilled = random() % 3; spilled > 0; --spilled) {
      spilled_record record;
      record.hash = random();
      record.number = seq_;
      const auto some = [&] { return static_cast<std::int64_t>(random() % 1000); };
      if (spilled == 2) {
        record.kind = random() % 2 == 0 ? reference_of(op::redeem) : spilled_kind::refund;
        if (record.kind == spilled_kind::refund)
          record.refund = {record.hash, {some()}, {some()}, {some()}, {}, {seq_}, true};
      } else if (random() % 3 == 0) {
        record.kind = spilled_kind::expired;
        record.seq = {seq_};
        record.points = {some()};
      } else {
        record.facts = {{seq_}, {7}, {some()}, {1 + some()}};
      }
      batch.add_spilled(state.enrolled_seq, record);
      spilled_.insert(line_of(state.enrolled_seq, record));
    }
    const std::uint64_t lots = random() % 8 == 0 ? spill_some(state, random, batch) : 0;
    batch.add(whose.merchant, whose.id, state);
    images_[name] = line_of(whose.merchant, whose.id, state.last_seq, snapshot::image_checksum(state)) + line_of_lots(lots);
  }
  return batch;
}

snapshot::recovery_point expected_images::make_point() {
  snapshot::recovery_point point;
  point.seq = {seq_};
  point.hash.fill(static_cast<std::byte>(seq_));
  point.merchants = {{1, "beanhouse", {{1}, {2}}}, {2, "teahouse", {{3}}}};
  point.reviews = {{1, {seq_ / 2}}};
  point_ = line_of(point);
  return point;
}

instant expected_images::drop_some_due(std::mt19937_64& random) {
  const instant before{static_cast<std::int64_t>(random() % 1000)};
  std::erase_if(dues_, [&](const auto& each) { return each.first < before.us; });
  return before;
}

std::string expected_images::text() const {
  std::vector<std::string> lines(spilled_.begin(), spilled_.end());
  for (const auto& [name, line] : images_)
    lines.push_back(line);
  for (const auto& [due, whose] : dues_)
    lines.push_back(line_of({due}, whose));
  if (!point_.empty())
    lines.push_back(point_);
  return joined(std::move(lines));
}

// ---- a life -----------------------------------------------------------------------------------------------------------

living_images::living_images(const disk_content& before, expected_images begin) : before_(before), disk_(before) {
  steps_.push_back({0, 0, std::move(begin)});
}

result<void> living_images::open() {
  auto opened = snapshot::image_store::open(image_options_on(disk_));
  if (!opened)
    return opened.error();
  store_ = std::move(*opened);
  return {};
}

result<void> living_images::play(std::uint32_t operations, std::mt19937_64& random, bool drops_due) {
  for (; operations > 0; --operations) {
    const std::uint64_t choice = random() % 8;
    if (result<void> done = choice < 4 ? write(random) : choice < 7 || !drops_due ? finish() : drop_due(random); !done)
      return done;
  }
  return {};
}

result<void> living_images::write(std::mt19937_64& random) {
  expected_images after = steps_.back().after;
  const snapshot::image_batch batch = after.make_batch(random);
  return begin(
      std::move(after), [&] { return store_->write(batch); }, false);
}

result<void> living_images::finish() {
  expected_images after = steps_.back().after;
  const snapshot::recovery_point point = after.make_point();
  return begin(
      std::move(after), [&] { return store_->finish(point); }, true);
}

result<void> living_images::drop_due(std::mt19937_64& random) {
  expected_images after = steps_.back().after;
  const instant before = after.drop_some_due(random);
  return begin(
      std::move(after), [&] { return store_->drop_due_before(before); }, false);
}

result<void> living_images::begin(expected_images after, const std::function<result<void>()>& operation, bool is_kept) {
  recorded_images::step& step = steps_.emplace_back(recorded_images::step{disk_.files->calls(), SIZE_MAX, std::move(after)});
  result<void> done = operation();
  if (done && is_kept)
    step.kept = disk_.files->calls();
  return done;
}

void living_images::lose_power() {
  disk_.files->die();
  store_.reset();
}

recorded_images living_images::recorded() const { return {before_, disk_.files->history(), steps_}; }

// ---- what is left of it -----------------------------------------------------------------------------------------------

found_images check_images(const disk_content& content, const recorded_images& life, std::size_t kept, std::size_t begun, bool and_goes_on) {
  found_images found;
  fault_disk disk(content);
  const auto read = [&](fault_disk& from) -> result<std::string> {
    const auto opened = snapshot::image_store::open(image_options_on(from));
    return opened ? text_of(**opened) : opened.error();
  };
  const result<std::string> now = read(disk);
  if (!now && is_torn_list(now.error())) {
    fault_disk empty(empty_disk());
    return {read(empty).ok() ? "" : "does not open without its folder", true, 0};
  }
  if (!now)
    return {"does not open or cannot be read: " + now.error().what, false, 0};
  std::size_t step = begun + 1;
  while (step > kept && life.steps[step - 1].after.text() != *now)
    --step;
  if (step == kept) {
    found.problem = "holds what it never held since it was promised to stay:\n" + *now + "-- that was\n" + life.steps[kept].after.text();
    return found;
  }
  found.step = step - 1;
  if (!and_goes_on)
    return found;
  living_images next(disk.files->content(), life.steps[found.step].after);
  std::mt19937_64 random(7);
  result<void> went_on = next.open();
  for (int i = 0; went_on && i < 2; ++i)
    if (went_on = next.write(random); went_on)
      went_on = next.finish();
  if (!went_on)
    return {"does not go on: " + went_on.error().what, false, found.step};
  next.lose_power();
  const recorded_images then = next.recorded();
  const std::size_t last = then.steps.size() - 1;
  if (const found_images after = check_images(next.disk().files->content(), then, last, last, false); !after.problem.empty())
    found.problem = "after two more points: " + after.problem;
  return found;
}

} // namespace tally::fault
