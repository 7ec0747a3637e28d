// Every constant of the ABI, against the numbers of 1.0.

import COptPlug
import Testing

/// Numbers that plugins carry in their machine code: none may ever change.
@Suite struct ConstantTests {
  @Test func version() {
    #expect(OPTPLUG_ABI_MAJOR == 1)
  }

  @Test func statuses() {
    #expect(OPTPLUG_OK == 0)
    #expect(OPTPLUG_INVALID_ARGUMENT == 3)
    #expect(OPTPLUG_NOT_FOUND == 5)
    #expect(OPTPLUG_RESOURCE_EXHAUSTED == 8)
    #expect(OPTPLUG_FAILED_PRECONDITION == 9)
    #expect(OPTPLUG_UNIMPLEMENTED == 12)
    #expect(OPTPLUG_INTERNAL == 13)
  }

  @Test func elementTypes() {
    #expect(OPTPLUG_DTYPE_INT == 0)
    #expect(OPTPLUG_DTYPE_UINT == 1)
    #expect(OPTPLUG_DTYPE_FLOAT == 2)
    #expect(OPTPLUG_DTYPE_BFLOAT == 4)
    #expect(OPTPLUG_DTYPE_AS_PARAMETER == 255)
  }

  @Test func devices() {
    #expect(OPTPLUG_DEVICE_CPU == 1)
    #expect(OPTPLUG_DEVICE_CUDA == 2)
  }

  @Test func hyperparameters() {
    #expect(OPTPLUG_HYPERPARAMETER_FLOAT == 0)
    #expect(OPTPLUG_HYPERPARAMETER_INTEGER == 1)
    #expect(OPTPLUG_HYPERPARAMETER_BOOLEAN == 2)
    #expect(OPTPLUG_HYPERPARAMETER_CHOICE == 3)
    #expect(OPTPLUG_HYPERPARAMETER_STRUCTURAL == 0x1)
    #expect(OPTPLUG_HYPERPARAMETER_ZERO_STRUCTURAL == 0x2)
    #expect(OPTPLUG_HYPERPARAMETER_MIN_EXCLUSIVE == 0x4)
    #expect(OPTPLUG_HYPERPARAMETER_MAX_EXCLUSIVE == 0x8)
  }

  @Test func slots() {
    #expect(OPTPLUG_ROLE_OTHER == 0)
    #expect(OPTPLUG_ROLE_FIRST_MOMENT == 1)
    #expect(OPTPLUG_ROLE_SECOND_MOMENT == 2)
    #expect(OPTPLUG_ROLE_PARAMETER_COPY == 3)
    #expect(OPTPLUG_SHAPE_AS_PARAMETER == 0)
    #expect(OPTPLUG_SHAPE_EXPLICIT == 1)
    #expect(OPTPLUG_SHAPE_PER_BLOCK == 2)
    #expect(OPTPLUG_INITIAL_ZERO == 0)
    #expect(OPTPLUG_INITIAL_CONSTANT == 1)
    #expect(OPTPLUG_INITIAL_PARAMETER == 2)
  }

  @Test func granularities() {
    #expect(OPTPLUG_GRANULARITY_ELEMENT == 0)
    #expect(OPTPLUG_GRANULARITY_BLOCK == 1)
    #expect(OPTPLUG_GRANULARITY_TENSOR == 2)
    #expect(OPTPLUG_GRANULARITY_GROUP == 3)
    #expect(OPTPLUG_GRANULARITY_MODEL == 4)
  }

  @Test func capabilities() {
    #expect(OPTPLUG_CAPABILITY_FLOAT32 == 0x1)
    #expect(OPTPLUG_CAPABILITY_FLOAT64 == 0x2)
    #expect(OPTPLUG_CAPABILITY_GRADIENT_SCALE == 0x4)
    #expect(OPTPLUG_CAPABILITY_NULL_GRADIENT == 0x8)
    #expect(OPTPLUG_CAPABILITY_JOINED_PARAMETERS == 0x10)
    #expect(OPTPLUG_CAPABILITY_REEVALUATE == 0x20)
    #expect(OPTPLUG_CAPABILITY_EVERY_PHASE == 0x40)
    #expect(OPTPLUG_CAPABILITY_CHANGED_GRADIENT == 0x80)
  }

  @Test func stepsInSeveralSweeps() {
    #expect(OPTPLUG_FRAME_FIRST == 0x1)
    #expect(OPTPLUG_FRAME_LAST == 0x2)
    #expect(OPTPLUG_FRAME_WORKS == 0x4)
    #expect(OPTPLUG_REDUCTION_LENGTH == 4096)
    #expect(OPTPLUG_REDUCE_SUM == 0)
    #expect(OPTPLUG_REDUCE_MAX == 1)
    #expect(OPTPLUG_VERDICT_DONE == 0)
    #expect(OPTPLUG_VERDICT_REEVALUATE == 1)
    #expect(OPTPLUG_ROUTE_ALL == 0xFFFF_FFFF)
    #expect(OPTPLUG_ROUTE_SELF == 0xFFFF_FFFE)
  }

  @Test func formulas() {
    #expect(OPTPLUG_OPERATION_PARAMETER == 0)
    #expect(OPTPLUG_OPERATION_GRADIENT == 1)
    #expect(OPTPLUG_OPERATION_SLOT == 2)
    #expect(OPTPLUG_OPERATION_CONSTANT == 3)
    #expect(OPTPLUG_OPERATION_ADD == 16)
    #expect(OPTPLUG_OPERATION_SUBTRACT == 17)
    #expect(OPTPLUG_OPERATION_MULTIPLY == 18)
    #expect(OPTPLUG_OPERATION_DIVIDE == 19)
    #expect(OPTPLUG_OPERATION_FMA == 20)
    #expect(OPTPLUG_OPERATION_SQUARE_ROOT == 21)
    #expect(OPTPLUG_OPERATION_MAGNITUDE == 22)
    #expect(OPTPLUG_OPERATION_NEGATE == 23)
    #expect(OPTPLUG_OPERATION_MINIMUM == 24)
    #expect(OPTPLUG_OPERATION_MAXIMUM == 25)
    #expect(OPTPLUG_OPERATION_SIGN == 26)
    #expect(OPTPLUG_OPERATION_LESS == 48)
    #expect(OPTPLUG_OPERATION_LESS_EQUAL == 49)
    #expect(OPTPLUG_OPERATION_EQUAL == 50)
    #expect(OPTPLUG_OPERATION_SELECT == 64)
    #expect(OPTPLUG_OPERATION_SET_PARAMETER == 80)
    #expect(OPTPLUG_OPERATION_SET_SLOT == 81)
    #expect(OPTPLUG_OPERATION_SET_GRADIENT == 82)
    #expect(OPTPLUG_STAGE_BEFORE == 0)
    #expect(OPTPLUG_STAGE_AFTER == 1)
    #expect(OPTPLUG_FORMULA_CONSTANTS == 256)
  }

  @Test func logLevels() {
    #expect(OPTPLUG_LOG_DEBUG == 0)
    #expect(OPTPLUG_LOG_INFO == 1)
    #expect(OPTPLUG_LOG_WARNING == 2)
    #expect(OPTPLUG_LOG_ERROR == 3)
  }

  @Test func names() {
    #expect(OPTPLUG_EXTENSION_EVAL_VIEW == "optplug.eval-view/1")
    #expect(OPTPLUG_EXTENSION_RESTART_BASES == "optplug.restart-bases/1")
    #expect(OPTPLUG_EXTENSION_FORMULA == "optplug.formula/1")
    #expect(OPTPLUG_EXTENSION_SIGNATURES == "optplug.signatures/1")
    #expect(OPTPLUG_EXTENSION_LOG == "optplug.log/1")
    #expect(OPTPLUG_EXTENSION_PARALLEL_FOR == "optplug.parallel-for/1")
    #expect(OPTPLUG_EXTENSION_MATRIX_PRODUCT == "optplug.matrix-product/1")
    #expect(OPTPLUG_EXTENSION_RANDOM == "optplug.random/1")
    #expect(OPTPLUG_NOTE_SECTION == ".optplug.note")
  }

  @Test func instructionSets() {
    #expect(OPTPLUG_INSTRUCTIONS_BASELINE == 0)
    #expect(OPTPLUG_INSTRUCTIONS_X86_64_V2 == 2)
    #expect(OPTPLUG_INSTRUCTIONS_X86_64_V3 == 3)
    #expect(OPTPLUG_INSTRUCTIONS_X86_64_V4 == 4)
  }

  @Test func leastSizes() {
    #expect(OPTPLUG_ERROR_SIZE_1_0 == 16)
    #expect(OPTPLUG_PARAMETER_SIZE_1_0 == 48)
    #expect(OPTPLUG_HYPERPARAMETER_SIZE_1_0 == 56)
    #expect(OPTPLUG_SLOT_SIZE_1_0 == 48)
    #expect(OPTPLUG_SEGMENT_SIZE_1_0 == 64)
    #expect(OPTPLUG_FRAME_SIZE_1_0 == 176)
    #expect(OPTPLUG_PASS_SIZE_1_0 == 72)
    #expect(OPTPLUG_HOST_SIZE_1_0 == 32)
    #expect(OPTPLUG_BASE_SIZE_1_0 == 16)
    #expect(OPTPLUG_CREATE_INFO_SIZE_1_0 == 24)
    #expect(OPTPLUG_PLAN_SIZE_1_0 == 80)
    #expect(OPTPLUG_OPTIMIZER_SIZE_1_0 == 160)
    #expect(OPTPLUG_EVAL_VIEW_SIZE_1_0 == 24)
    #expect(OPTPLUG_RESTART_BASES_SIZE_1_0 == 16)
    #expect(OPTPLUG_OPERATION_SIZE_1_0 == 16)
    #expect(OPTPLUG_OPERATIONS_SIZE_1_0 == 24)
    #expect(OPTPLUG_MOMENT_SIZE_1_0 == 40)
    #expect(OPTPLUG_FORMULA_SIZE_1_0 == 16)
    #expect(OPTPLUG_SIGNATURE_SIZE_1_0 == 40)
    #expect(OPTPLUG_SIGNATURES_SIZE_1_0 == 24)
    #expect(OPTPLUG_LOG_SIZE_1_0 == 16)
    #expect(OPTPLUG_PARALLEL_FOR_SIZE_1_0 == 16)
    #expect(OPTPLUG_MATRIX_PRODUCT_SIZE_1_0 == 16)
    #expect(OPTPLUG_RANDOM_SIZE_1_0 == 16)
    #expect(OPTPLUG_LIBRARY_SIZE_1_0 == 32)
  }
}
