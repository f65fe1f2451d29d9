"""Captions, descriptions for screen readers, and labels of the figures, in both languages.

`caption` and `description` belong to every figure; LaTeX is between dollar signs in a caption.
"""

_ENGLISH = {
    "network": {
        "caption": "The network, with the numbers of the worked example. Below each layer is its shape, and below "
        "each arrow the cost of the step. One entry of $x$ is not zero, so the first product only reads a column.",
        "description": "Four columns of numbers, x, h, z and y-hat, with the shapes V by 1, D by 1, V by 1 and V by "
        "1. Arrows lead from x to h, by a lookup of D numbers, from h to z, by V times D multiply-adds, and from z to "
        "y-hat, by V exponentials.",
        "lookup": "lookup:\n$D$ numbers",
        "products": "$VD$\nmultiply-adds",
        "softmax": "$V$\nexponentials",
    },
    "products": {
        "caption": "The second, third and fourth claim as products, with the numbers of the worked example. Blue "
        "cells are positive and orange ones negative. The outer product with $x$ has one column that is not zero.",
        "description": "Three products of matrices. The column e times the row h transposed is the 3 by 2 gradient "
        "with respect to W2. W2 transposed times the column e is the gradient with respect to h, of 2 numbers. This "
        "column times the row x transposed is the 2 by 3 gradient with respect to W1, whose second and third columns "
        "are zero.",
        "outer": "outer product",
        "transposed": "product with the transposed matrix",
    },
    "forces": {
        "caption": "The step of $v_c$ at the vectors of the worked example, with the learning rate 1. It is the sum "
        "of a pull towards the outside word “We” and pushes from other words. In the naive softmax, the pull has the "
        "weight $1 - \\hat{y}_o$ and a push the weight $\\hat{y}_w$, and these weights are equal in sum. In negative "
        "sampling, each weight is a sigmoid of its own.",
        "description": "For each loss, three arrows head to tail from v_c: a green one, the pull, is a positive "
        "multiple of u of We, and two orange ones, the pushes, are negative multiples of u of I and of He. Their sum, "
        "a blue arrow, is minus the gradient of J with respect to v_c.",
        "softmax": "Naive softmax",
        "sampling": "Negative sampling, noise words “I” and “He”",
        "pull": "pull",
        "push": "push",
    },
    "powers": {
        "caption": "The distribution of noise words for three powers of the counts. There are 1,000 words, and the "
        "count of a word is inversely proportional to its rank (Zipf’s law). With the power 3/4, rare words are noise "
        "more often than their counts suggest, and frequent words less often.",
        "description": "The probability of a noise word over its rank, both on logarithmic scales. With the power 0 "
        "it is the same for all words, with the power 1 it falls from 0.13 to 0.00013, and with the power 3/4 it lies "
        "between these two.",
        "power": "power {}",
        "rank": "rank of the word $w$",
    },
    "subsampling": {
        "caption": "The probability $\\kappa_w$ (43) that an occurrence of a word is kept, for three values of the "
        "option <code>sample</code>, which is $p_0$. The share of the word in the corpus is $p_w$.",
        "description": "Three falling curves over the frequency of a word, for sample 1e-3, 1e-4 and 1e-5. Each is 1 "
        "up to a frequency of about 2.6 times sample, and then falls towards 0.",
        "frequency": "share of the word in the corpus, $p_w$",
        "kept": "probability that an occurrence is kept, $κ_w$",
    },
    "blocks": {
        "caption": "How often a word is noise under the block schedule, relative to noise from the whole vocabulary, "
        "for one center word. There are 20,000 words with Zipf’s frequencies in 16 blocks. A single partition shifts "
        "all words of a block together (39). The mean over 200 partitions is near (40a).",
        "description": "Points over P_n of the word. For a single partition they scatter around 1. Their mean over "
        "200 partitions is 1 for rare words and falls for frequent ones, along the curve of equation 40a.",
        "ratio": "noise count, relative to noise from all words",
        "one": "one partition",
        "mean": "mean of 200 partitions",
        "formula": "(40a)",
    },
    "scores": {
        "caption": "Scores of all pairs of a generated corpus of 30 words, with $K = 2$, over the shifted PMI (20). "
        "Above: $u_w \\cdot v_c$ of a model with $D = 32$. Below: shifted positive PMI, in which negative values are "
        "replaced by zero, factorised by SVD (SPPMI-SVD, Levy and Goldberg 2014).",
        "description": "Two scatter plots with the diagonal. The learned scores lie close to it. Those of SPPMI-SVD "
        "with 30 dimensions lie on it where the shifted PMI is positive and are zero elsewhere, and with 4 dimensions "
        "they scatter around that.",
        "learned": "learned $u_w$ · $v_c$",
        "factorised": "SPPMI-SVD",
        "rank": "$D$ = {}",
        "pmi": "shifted PMI, log $P$($w$|$c$) − log $P_n$($w$) − log $K$",
    },
}

_KOREAN = {
    "network": {
        "caption": "숫자로 계산한 예로 나타낸 신경망. 각 층 아래에 크기를, 화살표 아래에 그 단계의 계산량을 적었다. "
        "$x$의 성분은 하나만 0이 아니므로 첫째 곱은 열 하나를 읽는 것과 같다.",
        "description": "x, h, z, ŷ의 네 열벡터. 크기는 차례로 V×1, D×1, V×1, V×1이다. x에서 h로는 수 D개를 룩업으로 "
        "읽고, h에서 z로는 곱셈-덧셈을 VD번, z에서 ŷ으로는 지수함수를 V번 계산한다.",
        "lookup": "룩업:\n수 $D$개",
        "products": "곱셈-덧셈\n$VD$번",
        "softmax": "지수함수\n$V$번",
    },
    "products": {
        "caption": "숫자로 계산한 예에서 곱으로 나타낸 두 번째, 세 번째, 네 번째 명제. 파란 칸은 양수, 주황 칸은 "
        "음수이다. $x$와의 외적에서는 열 하나만 0이 아니다.",
        "description": "행렬의 곱 세 개. 열벡터 e와 h의 전치를 곱하면 W2에 대한 3×2 기울기이다. W2의 전치와 e를 "
        "곱하면 h에 대한 기울기이고, 성분은 2개이다. 이 열벡터와 x의 전치를 곱하면 W1에 대한 2×3 기울기이며, 둘째 "
        "열과 셋째 열은 0이다.",
        "outer": "외적",
        "transposed": "전치행렬과의 곱",
    },
    "forces": {
        "caption": "숫자로 계산한 예의 벡터에서 학습률을 1로 했을 때 $v_c$의 스텝. 스텝은 주변 단어 “We” 쪽으로 "
        "당기는 힘과 다른 단어에서 미는 힘의 합이다. 나이브 소프트맥스에서 당기는 힘의 가중치는 $1 - \\hat{y}_o$, "
        "미는 힘의 가중치는 $\\hat{y}_w$이고, 미는 힘의 가중치를 모두 더하면 당기는 힘의 가중치와 같다. 네거티브 "
        "샘플링에서는 가중치가 각각 별개의 시그모이드이다.",
        "description": "각 손실에 대해 v_c에서 시작하여 차례로 이은 화살표 세 개. 당기는 힘인 초록 화살표는 We의 u에 "
        "양수를 곱한 것이고, 미는 힘인 주황 화살표 두 개는 I와 He의 u에 음수를 곱한 것이다. 이들의 합인 파란 화살표는 "
        "v_c에 대한 J의 기울기에 음의 부호를 붙인 것이다.",
        "softmax": "나이브 소프트맥스",
        "sampling": "네거티브 샘플링, 잡음 단어 “I”와 “He”",
        "pull": "당기는 힘",
        "push": "미는 힘",
    },
    "powers": {
        "caption": "빈도의 세 가지 거듭제곱에 따른 잡음 단어의 분포. 단어는 1,000개이고, 빈도는 순위에 "
        "반비례한다(지프의 법칙). 3/4제곱을 쓰면 드문 단어는 빈도에 비해 더 자주, 흔한 단어는 덜 뽑힌다.",
        "description": "단어의 순위에 따른 잡음 단어의 확률. 두 축 모두 로그 눈금이다. 0제곱에서는 모든 단어가 같고, "
        "1제곱에서는 0.13에서 0.00013까지 줄며, 3/4제곱은 그 사이에 있다.",
        "power": "{}제곱",
        "rank": "단어 $w$의 순위",
    },
    "subsampling": {
        "caption": "옵션 <code>sample</code>, 즉 $p_0$의 세 값에 대해 단어의 출현 하나가 남을 확률 $\\kappa_w$ (43). "
        "말뭉치에서 그 단어가 차지하는 비율은 $p_w$이다.",
        "description": "sample이 1e-3, 1e-4, 1e-5일 때 단어의 비율에 따라 줄어드는 세 곡선. 비율이 sample의 약 "
        "2.6배가 될 때까지는 1이고, 그 뒤에는 0으로 줄어든다.",
        "frequency": "말뭉치에서 단어가 차지하는 비율 $p_w$",
        "kept": "출현 하나가 남을 확률 $κ_w$",
    },
    "blocks": {
        "caption": "중심 단어 하나에 대해, 블록 스케줄에서 단어가 잡음 단어로 뽑히는 횟수를 어휘 전체에서 뽑을 때와 "
        "비교한 값. 지프의 법칙을 따르는 단어 20,000개를 블록 16개로 나누었다. 한 번 나누면 블록의 모든 단어가 함께 "
        "이동한다(39). 200번의 평균은 (40a)에 가깝다.",
        "description": "단어의 P_n에 따른 점. 한 번 나누었을 때는 1 주변에 흩어진다. 200번의 평균은 드문 단어에서는 "
        "1이고, 흔한 단어에서는 식 (40a)의 곡선을 따라 줄어든다.",
        "ratio": "어휘 전체에서 뽑을 때와 비교한 잡음 횟수",
        "one": "한 번 나눈 경우",
        "mean": "200번의 평균",
        "formula": "(40a)",
    },
    "scores": {
        "caption": "단어 30개로 생성한 말뭉치에서 $K = 2$일 때 모든 쌍의 점수를 이동된 PMI (20)과 비교한 그림. 위: $D "
        "= 32$인 모델의 $u_w \\cdot v_c$. 아래: 이동된 PMI의 음수를 0으로 바꾸고 SVD로 분해한 것(SPPMI-SVD, Levy와 "
        "Goldberg 2014).",
        "description": "대각선이 있는 두 산점도. 학습한 점수는 대각선 가까이에 있다. 30차원의 SPPMI-SVD는 이동된 "
        "PMI가 양수이면 대각선 위에 있고 음수이면 0이며, 4차원에서는 그 주변에 흩어진다.",
        "learned": "학습한 $u_w$ · $v_c$",
        "factorised": "SPPMI-SVD",
        "rank": "$D$ = {}",
        "pmi": "이동된 PMI, log $P$($w$|$c$) − log $P_n$($w$) − log $K$",
    },
}

TEXTS: dict[str, dict[str, dict[str, str]]] = {"en": _ENGLISH, "ko": _KOREAN}
