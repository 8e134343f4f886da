"""What the causes of the planted bugs must be: the facts that tell them, and which bugs show in several ways."""

# The facts that each bug shows with, joined by commas; none: it shows everywhere.
FACTS: dict[str, list[str]] = {
    "": [
        "mse_loss: the gradient ignores grad_output",
        "huber_loss: the gradient's sign is flipped",
        "cross_entropy: the forward modifies the logits",
        "soft_margin_loss: the backward modifies grad_output",
        "margin_ranking_loss: a second vjp adds to the first",
        "mse_loss: it returns no vjp",
        "mse_loss: the vjp returns a tuple",
        "softmin: it is softmax",
        "kl_div: the whole loss is detached",
    ],
    "beta": [
        "smooth_l1_loss: beta is left out",
        "smooth_l1_loss: a module that ignores beta",
    ],
    "beta=0": [
        "smooth_l1_loss: beta 0 divides by zero",
    ],
    "bfloat16, float16": [
        "logsigmoid: the gradient of a half is of float32",
    ],
    "blank": [
        "ctc_loss: blank is left out",
    ],
    "broadcasting, square": [
        "cosine_embedding_loss: a row of input2 is a column beside a square",
    ],
    "broadcasting": [
        "binary_cross_entropy_with_logits: shapes broadcast where torch refuses",
        "kl_div: a gradient keeps the broadcast shape",
    ],
    "class probabilities": [
        "cross_entropy: probabilities get no gradient",
    ],
    "class probabilities, label_smoothing": [
        "cross_entropy: smoothing is dropped for class probabilities",
    ],
    "class probabilities, reduction=mean, weight": [
        "cross_entropy: the mean of probabilities divides by the weights",
    ],
    "delta": [
        "huber_loss: delta is left out",
    ],
    "dim": [
        "softmax: dim counts from the other end",
    ],
    "dtype": [
        "softmax: dtype is left out",
    ],
    "empty, reduction=mean": [
        "cross_entropy: an empty batch without options has the mean 0",
        "cosine_embedding_loss: an empty batch without options has the mean 0",
    ],
    "empty": [
        "mse_loss: a batch of none raises",
    ],
    "empty, ignored targets, reduction=mean": [
        "nll_loss: the mean counts ignored rows",
    ],
    "eps": [
        "gaussian_nll_loss: eps is left out",
    ],
    "float16, reduction=none": [
        "binary_cross_entropy: the upstream gradient of all rows is summed in half",
        "cosine_embedding_loss: the upstream gradient of all rows is summed in half",
    ],
    "float64": [
        "gaussian_nll_loss: float64 is computed in float32",
        "cosine_embedding_loss: each call gives other bits",
    ],
    "full": [
        "gaussian_nll_loss: the constant of the full loss is left out",
        "poisson_nll_loss: full is left out",
    ],
    "full, reduction=none": [
        "poisson_nll_loss: Stirling's term is added for counts up to 1",
    ],
    "head_bias": [
        "adaptive_log_softmax_with_loss: head_bias is left out",
    ],
    "huge values": [
        "cross_entropy: no maximum is subtracted",
        "logsigmoid: it overflows where exp does",
    ],
    "huge values, infinite values": [
        "log_softmax: an eps is added inside the logarithm",
    ],
    "ignore_index, ignored targets": [
        "cross_entropy: only -100 is ignored",
    ],
    "ignored targets": [
        "cross_entropy: ignore_index is ignored",
        "cross_entropy: ignored rows still push their gradient",
        "nll_loss: the forward modifies the target",
    ],
    "infinite values": [
        "cross_entropy: a masked logit gives nan",
    ],
    "input strided": [
        "kl_div: input is read in memory order",
        "cross_entropy: input is read in memory order",
        "softmax: input is read in memory order",
    ],
    "label_smoothing": [
        "cross_entropy: smoothing spreads over the other classes only",
        "linear_cross_entropy: label_smoothing is left out",
    ],
    "label_smoothing, weight": [
        "cross_entropy: label smoothing forgets the class weights",
    ],
    "linear_bias": [
        "linear_cross_entropy: linear_bias is left out",
        "linear_cross_entropy: a frozen matrix freezes the bias",
    ],
    "log_input": [
        "poisson_nll_loss: log_input is left out",
    ],
    "log_target": [
        "kl_div: log_target is ignored in the gradient",
        "kl_div: log_target is left out",
    ],
    "margin": [
        "margin_ranking_loss: margin is left out",
        "hinge_embedding_loss: margin is left out",
        "cosine_embedding_loss: margin is left out",
        "multi_margin_loss: margin is left out",
        "triplet_margin_loss: margin is left out",
    ],
    "mixed dtypes": [
        "mse_loss: float32 and float64 give float32",
    ],
    "negative strided": [
        "triplet_margin_loss: negative is read in memory order",
    ],
    "p": [
        "multi_margin_loss: p is left out",
        "triplet_margin_loss: p is left out",
    ],
    "pos_weight": [
        "binary_cross_entropy_with_logits: pos_weight is left out",
        "binary_cross_entropy_with_logits: pos_weight scales the negatives too",
    ],
    "reduce": [
        "cross_entropy: reduce is left out",
    ],
    "reduction=batchmean": [
        "kl_div: batchmean divides by all elements",
    ],
    "reduction=elementwise_mean, reduction=mean, weight": [
        "binary_cross_entropy: the mean divides by the sum of the weights",
    ],
    "reduction=mean, weight": [
        "cross_entropy: a weighted mean divides by the number of rows",
    ],
    "reduction=none": [
        "cross_entropy: reduction none ignores grad_output",
        "multilabel_soft_margin_loss: reduction none does not average over the classes",
    ],
    "size_average": [
        "mse_loss: size_average is left out",
    ],
    "square": [
        "binary_cross_entropy: a row of weight is a column beside a square",
    ],
    "swap": [
        "triplet_margin_loss: swap is left out",
    ],
    "target strided": [
        "mse_loss: target is read in memory order",
    ],
    # ties are not looked for in large arrays, nor between dtypes
    "bfloat16, large, ties": [
        "l1_loss: the gradient at 0 is 1",
    ],
    "uint8": [
        "cross_entropy: uint8 targets are refused",
    ],
    "unbatched": [
        "triplet_margin_loss: it raises where torch answers",
    ],
    "upstream expanded": [
        "mse_loss: an expanded grad_output counts once",
    ],
    "upstream strided": [
        "smooth_l1_loss: a strided grad_output is read as if it were contiguous",
    ],
    "upstream with zeros": [
        "binary_cross_entropy_with_logits: a zero in grad_output becomes nan",
    ],
    "var strided": [
        "gaussian_nll_loss: var is read in memory order",
    ],
    "weight": [
        "nll_loss: the weight is the one of the row and not of the class",
        "nll_loss: weight has a gradient that torch refuses",
        "multi_margin_loss: weight is left out",
        "binary_cross_entropy: weight is left out",
        "linear_cross_entropy: weight is left out",
        "nll_loss: weight is left out",
        "huber_loss: weight is left out",
        "l1_loss: weight is left out",
        "mse_loss: weight is left out",
        "multilabel_soft_margin_loss: weight is left out",
        "cross_entropy: weight gets a gradient by composition",
    ],
    "weight strided": [
        "binary_cross_entropy: weight is read in memory order",
        "l1_loss: weight is read in memory order",
    ],
    "zero_infinity": [
        "ctc_loss: zero_infinity is left out",
    ],
}
# Bugs that show in more than one way, none of which tells the other.
SEVERAL = [
    # each half has its own rounding
    "softmin: a half is widened after the output, along other dimensions than the last",
    # of an empty batch the wrong rule has another size
    "l1_loss: the gradient of a row adds up in a half",
    # each transformation refuses in its own words what has no rule for it
    "mse_loss: halves stay halves under autocast",
    "mse_loss: a kernel without a rule for vmap",
    "mse_loss: a kernel without a rule for jvp",
    "logsigmoid: a stack has the answer of its first draw",
    "sigmoid: the tangent forgets a factor",
    "mse_loss: the backward takes what has become of an argument",
    "binary_cross_entropy: probabilities are clipped",
    "dice_loss: smoothing stands above alone",
    "huber_loss: a negative delta is accepted",
    "binary_cross_entropy: probabilities outside 0 and 1 are clipped",
    "cross_entropy: a block of 1024 classes leaves out the rest",
    "cross_entropy: a block of 128 classes leaves out the rest",
    "cross_entropy: a block of 32 classes leaves out the rest",
    "cross_entropy: weight gets a gradient by composition",
    "ctc_loss: zero_infinity is left out",
    # no fact tells of a target of 0, or of a number in place of an array
    "kl_div: a target of 0 gives nan",
    "gaussian_nll_loss: a plain number for target is cut to a whole one",
    # of infinite values two terms are inf - inf
    "label_smoothed_cross_entropy: the uniform part counts padding",
    "log_softmax: an eps is added inside the logarithm",
    "logsigmoid: a second backward is scaled twice",
    "mse_loss: an in-place difference on the leaf raises",
    "mse_loss: float32 and float64 give float32",
    "multilabel_soft_margin_loss: reduction none does not average over the classes",
    "sigmoid: the gradient 1 - y loses its digits in the tail",
    "soft_margin_loss: a module keeps the target of its first call",
    "soft_margin_loss: it returns a list",
    "triplet_margin_loss: eps is left out of the distance",
    "triplet_margin_loss: p is left out",
    "triplet_margin_with_distance_loss: distance_function is left out",
    # what has no negative is refused
    "softmin: it is softmax",
    # an ignored row of nan makes the penalty nan
    "z_loss_cross_entropy: ignored rows are penalised too",
]
# Facts that nearly every point has: they may be named beside the others.
COMMON = {"plain numbers", "int64"}
BY_BUG = {bug: facts for facts, bugs in FACTS.items() for bug in bugs}
