/* All loops for vectors of OPTPLUG_LANES floats, as `loops`. Included once by each file that defines them for some
   processor. */

#include "vectors.h"
/* Every other one needs it. */
#include "pooling.h"
#include "products.h"
#include "stem.h"
#include "transforms.h"
#include "weights.h"

static const optplug_image_loops loops = {
    .lanes = lanes,
    .group = group,
    .panel = panel,
    .winograd_input = winograd_input,
    .winograd_gradient = winograd_gradient,
    .winograd_output = winograd_output,
    .winograd_weights = winograd_weights,
    .winograd_weight_gradient = winograd_weight_gradient,
    .winograd_multiply = winograd_multiply,
    .winograd_accumulate = winograd_accumulate,
    .stem_gradient = stem_gradient,
    .max_pool = max_pool,
    .max_pool_gradient = max_pool_gradient,
};
