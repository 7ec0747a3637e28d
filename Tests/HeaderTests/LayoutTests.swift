// The layout of every struct of the ABI as Swift sees it, against the numbers of 1.0.

import COptPlug
import Testing

/// Offsets are written out, not computed: a change of the header has to change this table too, and after the release
/// of 1.0 only by appending.
@Suite struct LayoutTests {
  private func expectLayout<T>(_: T.Type, _ size: Int, _ fields: [(PartialKeyPath<T>, Int)]) {
    #expect(MemoryLayout<T>.size == size, "\(T.self)")
    #expect(MemoryLayout<T>.stride == size, "\(T.self) has padding at its end")
    for (field, offset) in fields {
      #expect(MemoryLayout<T>.offset(of: field) == offset, "\(field)")
    }
  }

  @Test func error() {
    expectLayout(
      optplug_error.self, 16,
      [
        (\.struct_size, 0), (\.message_capacity, 4), (\.message, 8),
      ])
  }

  @Test func span() {
    expectLayout(
      optplug_span.self, 16,
      [
        (\.data, 0), (\.count, 8), (\.stride, 12),
      ])
  }

  @Test func dtype() {
    expectLayout(
      optplug_dtype.self, 4,
      [
        (\.code, 0), (\.bits, 1), (\.lanes, 2),
      ])
  }

  @Test func device() {
    expectLayout(
      optplug_device.self, 8,
      [
        (\.type, 0), (\.id, 4),
      ])
  }

  @Test func parameter() {
    expectLayout(
      optplug_parameter.self, 48,
      [
        (\.name, 0), (\.shape, 8), (\.count, 16), (\.ndim, 24), (\.group, 28), (\.dtype, 32),
        (\.reserved0, 36), (\.device, 40),
      ])
  }

  @Test func hyperparameter() {
    expectLayout(
      optplug_hyperparameter.self, 56,
      [
        (\.name, 0), (\.doc, 8), (\.choices, 16), (\.default_value, 24), (\.min_value, 32),
        (\.max_value, 40), (\.kind, 48), (\.flags, 52),
      ])
  }

  @Test func slot() {
    expectLayout(
      optplug_slot.self, 48,
      [
        (\.struct_size, 0), (\.role, 4), (\.name, 8), (\.dims, 16), (\.ndim, 24), (\.shape_rule, 28),
        (\.dtype, 32), (\.initial, 36), (\.initial_value, 40),
      ])
  }

  @Test func segment() {
    expectLayout(
      optplug_segment.self, 64,
      [
        (\.parameter, 0), (\.gradient, 8), (\.slots, 16), (\.offset, 24), (\.count, 32),
        (\.parameter_step, 40), (\.parameter_index, 48), (\.group_index, 52),
        (\.base_gradient, 56),
      ])
  }

  @Test func frame() {
    expectLayout(
      optplug_frame.self, 176,
      [
        (\.struct_size, 0), (\.flags, 4), (\.step, 8), (\.pass, 16), (\.phase, 20), (\.segments, 24),
        (\.parameters, 40), (\.hyperparameters, 56), (\.children, 64), (\.dtype, 72), (\.reserved0, 76),
        (\.device, 80), (\.stream, 88), (\.gradient_scale, 96), (\.seed, 104),
        (\.scratch, 112), (\.scratch_size, 120), (\.partials, 128), (\.tensor_reductions, 136),
        (\.group_reductions, 144), (\.model_reductions, 152), (\.model_slots, 160), (\.loss, 168),
      ])
  }

  @Test func pass() {
    expectLayout(
      optplug_pass.self, 72,
      [
        (\.struct_size, 0), (\.group_count, 4), (\.step, 8), (\.pass, 16), (\.reserved0, 20),
        (\.hyperparameters, 24), (\.tensor_reductions, 32), (\.group_reductions, 40),
        (\.model_reductions, 48), (\.model_slots, 56), (\.loss, 64),
      ])
  }

  @Test func host() {
    expectLayout(
      optplug_host.self, 32,
      [
        (\.struct_size, 0), (\.abi_minor, 4), (\.name, 8), (\.version, 16), (\.get_extension, 24),
      ])
  }

  @Test func base() {
    expectLayout(
      optplug_base.self, 16,
      [
        (\.optimizer, 0), (\.instance, 8),
      ])
  }

  @Test func createInfo() {
    expectLayout(
      optplug_create_info.self, 24,
      [
        (\.struct_size, 0), (\.reserved0, 4), (\.bases, 8),
      ])
  }

  @Test func plan() {
    expectLayout(
      optplug_plan.self, 80,
      [
        (\.struct_size, 0), (\.group_count, 4), (\.parameters, 8), (\.hyperparameters, 24),
        (\.host_data, 32), (\.add_slot, 40), (\.borrow_slot, 48), (\.add_model_slot, 56),
        (\.set_phases, 64), (\.set_scratch, 72),
      ])
  }

  @Test func optimizer() {
    expectLayout(
      optplug_optimizer.self, 160,
      [
        (\.struct_size, 0), (\.granularity, 4), (\.granularity_block, 8), (\.state_version, 12),
        (\.capabilities, 16), (\.name, 24), (\.version, 32), (\.summary, 40), (\.url, 48),
        (\.hyperparameters, 56), (\.base_roles, 72), (\.base_count, 80), (\.reserved0, 84),
        (\.plugin_data, 88), (\.create, 96), (\.destroy, 104), (\.plan, 112), (\.step, 120), (\.check, 128),
        (\.get_extension, 136), (\.route, 144), (\.decide, 152),
      ])
  }

  @Test func evalView() {
    expectLayout(
      optplug_eval_view.self, 24,
      [
        (\.struct_size, 0), (\.reserved0, 4), (\.enter, 8), (\.leave, 16),
      ])
  }

  @Test func restartBases() {
    expectLayout(
      optplug_restart_bases.self, 16,
      [
        (\.struct_size, 0), (\.reserved0, 4), (\.restarts, 8),
      ])
  }

  @Test func formula() {
    expectLayout(optplug_operation.self, 16, [(\.code, 0), (\.a, 4), (\.b, 8), (\.c, 12)])
    expectLayout(
      optplug_operations.self, 24, [(\.struct_size, 0), (\.constant_count, 4), (\.list, 8)])
    expectLayout(
      optplug_moment.self, 40,
      [
        (\.struct_size, 0), (\.stage, 4), (\.step, 8), (\.parameter_step, 16), (\.hyperparameters, 24),
        (\.parameter_index, 32), (\.has_gradient, 36),
      ])
    expectLayout(optplug_formula.self, 16, [(\.struct_size, 0), (\.reserved0, 4), (\.operations, 8)])
  }

  @Test func services() {
    expectLayout(optplug_log.self, 16, [(\.struct_size, 0), (\.reserved0, 4), (\.write, 8)])
    expectLayout(optplug_parallel_for.self, 16, [(\.struct_size, 0), (\.reserved0, 4), (\.run, 8)])
    expectLayout(optplug_matrix_product.self, 16, [(\.struct_size, 0), (\.reserved0, 4), (\.multiply, 8)])
    expectLayout(optplug_random.self, 16, [(\.struct_size, 0), (\.reserved0, 4), (\.words, 8)])
  }

  @Test func matrix() {
    expectLayout(
      optplug_matrix.self, 40,
      [
        (\.elements, 0), (\.rows, 8), (\.columns, 16), (\.stride, 24), (\.transposed, 32),
        (\.reserved0, 36),
      ])
  }

  @Test func signature() {
    expectLayout(
      optplug_signature.self, 40,
      [
        (\.extension, 0), (\.member, 8), (\.signature, 16), (\.parameters, 24), (\.offset, 32),
        (\.reserved0, 36),
      ])
  }

  @Test func signatures() {
    expectLayout(
      optplug_signatures.self, 24,
      [
        (\.struct_size, 0), (\.reserved0, 4), (\.functions, 8),
      ])
  }

  @Test func library() {
    expectLayout(
      optplug_library.self, 32,
      [
        (\.struct_size, 0), (\.abi_minor_built, 4), (\.abi_minor_required, 8), (\.optimizer_count, 12),
        (\.optimizers, 16), (\.get_extension, 24),
      ])
  }

  @Test func note() {
    expectLayout(
      optplug_note.self, 24,
      [
        (\.magic, 0), (\.abi_major, 8), (\.abi_minor_built, 12), (\.abi_minor_required, 16),
        (\.instruction_set, 20),
      ])
  }
}
