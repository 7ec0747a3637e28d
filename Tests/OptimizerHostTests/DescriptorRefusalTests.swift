// Plugins whose descriptors break a rule of optplug.h.

import Testing

@Suite struct OptimizerRefusalTests {
  static let cases: [BadPlugin] = [
    BadPlugin("optimizer-small", "optimizer 1 is 136 bytes, at least 160 are needed"),
    BadPlugin("name-null", "optimizer 1 has no name"),
    BadPlugin("name-empty", "optimizer 1 has the name ''; names are 1 to 63 of a-z, 0-9, - and _"),
    BadPlugin("name-long", "has the name 'abcdefghijklmnopabcdefghijklmnopabcdefghijklmnopabcdefghijklmnop'"),
    BadPlugin("name-illegal", "optimizer 1 has the name 'bad(name)'"),
    BadPlugin("version-null", "'bad' has no version"),
    BadPlugin("summary-null", "'bad' has no summary"),
    BadPlugin("granularity-unknown", "'bad' has the unknown granularity 7"),
    BadPlugin("block-zero", "'bad' has blocks of 0 elements"),
    BadPlugin("capability-no-type", "'bad' takes neither 32-bit nor 64-bit floats"),
    BadPlugin("step-null", "'bad' has no step function"),
    BadPlugin("create-without-destroy", "'bad' has only one of create and destroy"),
    BadPlugin("destroy-without-create", "'bad' has only one of create and destroy"),
    BadPlugin("bases-absurd", "'bad' takes 4294967295 bases, more than 16"),
    BadPlugin("base-roles-null", "base 1 of 'bad' has no name"),
    BadPlugin("base-roles-twice", "'bad' has two bases 'base'"),
    BadPlugin("base-without-create", "'bad' takes bases but has no create to hand them to"),
  ]

  @Test(arguments: cases) func refused(_ plugin: BadPlugin) throws { try plugin.expectWrongDescription() }
}

@Suite struct HyperparameterRefusalTests {
  static let cases: [BadPlugin] = [
    BadPlugin("hyperparameter-name-null", "a hyperparameter of 'bad' has no name"),
    BadPlugin("hyperparameter-name-illegal", "a hyperparameter of 'bad' has the name 'base.lr'"),
    BadPlugin("hyperparameter-twice", "'bad' has two hyperparameters 'decay'"),
    BadPlugin("default-nan", "'lr' of 'bad' has the default nan, outside its own range"),
    BadPlugin("default-outside", "'lr' of 'bad' has the default 2.0, outside its own range"),
    BadPlugin("default-excluded", "'lr' of 'bad' has the default 1.0, outside its own range"),
    BadPlugin("default-fraction", "'lr' of 'bad' has the default 0.5, outside its own range"),
    BadPlugin("range-reversed", "'lr' of 'bad' has no valid range"),
    BadPlugin("range-nan", "'lr' of 'bad' has no valid range"),
    BadPlugin("kind-unknown", "'lr' of 'bad' has the unknown kind 4"),
    BadPlugin("choices-null", "'lr' of 'bad' is a choice without choices"),
    BadPlugin("choices-none", "'lr' of 'bad' is a choice without choices"),
    BadPlugin("choices-twice", "'lr' of 'bad' has two choices 'reset'"),
    BadPlugin("choices-illegal", "a choice of hyperparameter 'lr' has the name 'a, b'"),
    BadPlugin("choices-range", "'lr' of 'bad' has a range other than 0 to 2"),
    BadPlugin("boolean-range", "'lr' of 'bad' has a range other than 0 to 1"),
    BadPlugin("hyperparameters-absurd", "hyperparameters of 'bad': 4294967295 are more than 256"),
    BadPlugin("hyperparameters-null", "hyperparameters of 'bad': 2 announced, none given"),
    BadPlugin("stride-small", "the stride 48 is not a multiple of 8 from 56 to 65536"),
    BadPlugin("stride-uneven", "the stride 60 is not a multiple of 8"),
    BadPlugin("stride-absurd", "the stride 4294967288 is not a multiple of 8 from 56 to 65536"),
  ]

  @Test(arguments: cases) func refused(_ plugin: BadPlugin) throws { try plugin.expectWrongDescription() }
}

@Suite struct SlotRefusalTests {
  static let cases: [BadPlugin] = [
    BadPlugin("slot-null", "'bad' asks for a slot with an incomplete request"),
    BadPlugin("slot-small", "'bad' asks for a slot with an incomplete request"),
    BadPlugin("slot-index-null", "'bad' asks for a slot with an incomplete request"),
    BadPlugin("slot-parameter", "'bad' asks for a slot of parameter 99, which does not exist"),
    BadPlugin("slot-name-null", "a slot has no name"),
    BadPlugin("slot-name-illegal", "a slot has the name 'w/mean'; names are 1 to 63 of a-z, 0-9 and _"),
    BadPlugin("slot-name-step", "slot 'step' of 'w' may not be named 'step'"),
    BadPlugin("slot-twice", "'bad' asks for slot 'mean' twice"),
    BadPlugin("slot-type", "slot 'mean' of 'w' has an element type that this host does not know"),
    BadPlugin("slot-lanes", "slot 'mean' of 'w' has an element type that this host does not know"),
    BadPlugin("slot-shape-rule", "slot 'mean' of 'w' has the unknown shape rule 9"),
    BadPlugin("slot-shape-cut", "slot 'mean' of 'w' has its own shape, which needs whole tensors"),
    BadPlugin("slot-dims-null", "slot 'mean' of 'w' has no valid shape"),
    BadPlugin("slot-dims-many", "slot 'mean' of 'w' has no valid shape"),
    BadPlugin("slot-dims-negative", "slot 'mean' of 'w' has the impossible shape [4, -1]"),
    BadPlugin("slot-dims-absurd", "slot 'mean' of 'w' has the impossible shape [1073741824, 1073741824]"),
    BadPlugin(
      "slot-dims-overflow", "slot 'mean' of 'w' has the impossible shape [549755813888, 549755813888, 0]"),
    BadPlugin("slot-initial-rule", "slot 'mean' of 'w' has the unknown initial value rule 3"),
    BadPlugin("slot-copy-type", "slot 'mean' of 'w' starts as a copy of the parameter but differs from it"),
    BadPlugin("slots-many", "'bad' asks for more than 64 slots"),
    BadPlugin("slot-refused-and-ignored", "slot 'step' of 'w' may not be named 'step'"),
    BadPlugin("slots-refused-twice", "slot 'step' of 'w' may not be named 'step'"),
    BadPlugin("borrow-no-base", "'bad' borrows from a parameter or a base that does not exist"),
  ]

  @Test(arguments: cases) func refused(_ plugin: BadPlugin) throws { try plugin.expectWrongDescription() }
}
