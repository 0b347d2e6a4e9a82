#!/usr/bin/env python3
"""Prints what scipy, statsmodels and brute force say to the cases of query/src/compare/stats/golden.json.

Usage: stats_oracle.py DATA > golden.json        DATA is the folder of the data sets whose expected.json hold paired p values
Needs scipy 1.17 and statsmodels 0.15; nothing of Hansard's is used. Where neither package has a method (Tango's interval,
CR2 with Satterthwaite degrees of freedom, confidence sequences), the definition is computed here the long way: by numeric
maximisation, by whole matrices, by enumeration.
"""
import itertools
import json
import math
import sys
import types

import numpy as np
from scipy import optimize, stats
from statsmodels.api import OLS, add_constant
from statsmodels.stats import power as sm_power
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import confint_proportions_2indep, power_proportions_2indep, proportion_confint

RNG = np.random.default_rng(20_250_801)
TABLES = [(57, 10, 13, 17), (0, 0, 5, 3), (3, 0, 0, 4), (10, 1, 9, 0), (233, 82, 121, 193), (5, 40, 20, 35), (900, 12, 30, 58)]


def rounded(values, digits=4):
    return [round(float(v), digits) for v in values]


def distributions():
    dfs = [1, 2.5, 7, 30, 199, 1500, 2500, 1e5, 1e7]
    return {
        "t_two_sided": [[t, df, 2 * stats.t.sf(t, df)] for df in dfs for t in (0.01, 0.7, 1.96, 4.2, 9.5)],
        "t_reach": [[lv, df, stats.t.ppf(0.5 + lv / 2, df)] for df in dfs for lv in (0.8, 0.95, 0.999)],
        "normal_quantile": [[p, stats.norm.ppf(p)] for p in (1e-12, 0.001, 0.025, 0.4, 0.5, 0.975, 0.9999)],
        "noncentral_t": [[t, df, d, stats.nct.cdf(t, df, d)] for df in (2, 5, 19, 60, 499) for t in (-1.5, 0.4, 2.1) for d in (0.5, 2.8)],
    }


def pair_tables():
    rows = []
    for both, only_a, only_b, neither in TABLES:
        discordant, small = only_a + only_b, min(only_a, only_b)
        mid = 1.0 if only_a == only_b else 2 * stats.binom.cdf(small, discordant, 0.5) - stats.binom.pmf(small, discordant, 0.5)
        exact = mcnemar([[both, only_a], [only_b, neither]], exact=True).pvalue
        odds = stats.binomtest(only_b, discordant).proportion_ci(0.95) if discordant else (0.0, 1.0)
        rows.append({
            "counts": [both, only_a, only_b, neither], "exact": min(exact, 1.0), "mid_p": min(mid, 1.0),
            "tango": [tango(both, only_a, only_b, neither, lv) for lv in (0.95, 0.9)],
            "share_b": [odds[0], odds[1]],
        })
    return rows


def tango(both, only_a, only_b, neither, level):
    """Inverts the score test; the likelihood under a given difference is maximised numerically."""
    n, z = both + only_a + only_b + neither, stats.norm.ppf(0.5 + level / 2)

    def statistic(d):
        # q is the rate of only-A; the rate of only-B is q + d.
        low, high = max(0.0, -d), (1 - d) / 2
        def loss(q):
            total = 0.0
            for count, rate in ((only_a, q), (only_b, q + d), (n - only_a - only_b, 1 - 2 * q - d)):
                if count:
                    total -= count * math.log(max(rate, 1e-300))
            return total
        q = optimize.minimize_scalar(loss, bounds=(low, high), method="bounded", options={"xatol": 1e-14}).x
        q = min((loss(x), x) for x in (q, low, high))[1]
        return (only_b - only_a - n * d) / math.sqrt(max(n * (2 * q + d - d * d), 1e-300))

    estimate = (only_b - only_a) / n
    low = -1.0 if estimate <= -1 else optimize.brentq(lambda d: statistic(d) - z, -1 + 1e-9, estimate)
    high = 1.0 if estimate >= 1 else optimize.brentq(lambda d: statistic(d) + z, estimate, 1 - 1e-9)
    return [level, low, high]


def arm_tables():
    rows = []
    for a, n_a, b, n_b in [(60, 100, 70, 100), (3, 12, 9, 11), (0, 20, 5, 25), (315, 629, 354, 629), (12, 400, 25, 310)]:
        low, high = confint_proportions_2indep(b, n_b, a, n_a, method="newcomb", compare="diff", alpha=0.05)
        fisher = stats.fisher_exact([[a, n_a - a], [b, n_b - b]]).pvalue
        rows.append({"counts": [a, n_a, b, n_b], "fisher": fisher, "newcombe": [low, high],
                     "clopper": list(proportion_confint(a, n_a, method="beta")),
                     "odds": (b * (n_a - a) / (a * (n_b - b))) if a else None})
    return rows


def brute_signed_rank(d):
    d = np.array([x for x in d if x != 0])
    ranks = stats.rankdata(abs(d))
    seen = ranks[d > 0].sum()
    sums = np.array([np.dot(ranks, s) for s in itertools.product((0, 1), repeat=len(d))])
    return min(1.0, 2 * min((sums <= seen + 1e-9).mean(), (sums >= seen - 1e-9).mean()))


def signed_ranks():
    rows = []
    for n in (6, 15, 45):
        d = rounded(RNG.normal(0.3, 1, n), 6)
        rows.append({"d": d, "form": "exact", "p": stats.wilcoxon(d, method="exact").pvalue})
    for n in (60, 120):
        d = rounded(RNG.normal(0.15, 1, n), 1)
        rows.append({"d": d, "form": "normal", "p": stats.wilcoxon(d, correction=True, method="asymptotic").pvalue})
    for n in (5, 9, 12):
        d = [float(x) for x in RNG.integers(-3, 5, n)]
        rows.append({"d": d, "form": "exact", "p": brute_signed_rank(d)})
    return rows


def brute_rank_sum(a, b):
    ranks = stats.rankdata(b + a)
    seen = ranks[: len(b)].sum()
    sums = np.array([sum(c) for c in itertools.combinations(ranks, len(b))])
    return min(1.0, 2 * min((sums <= seen + 1e-9).mean(), (sums >= seen - 1e-9).mean()))


def rank_sums():
    rows = []
    for n_a, n_b in ((4, 6), (12, 9), (30, 25)):
        a, b = rounded(RNG.normal(0, 1, n_a), 6), rounded(RNG.normal(0.6, 1, n_b), 6)
        rows.append({"a": a, "b": b, "p": stats.mannwhitneyu(b, a, method="exact").pvalue})
    for n_a, n_b in ((40, 35), (25, 80)):
        a, b = rounded(RNG.normal(0, 1, n_a), 1), rounded(RNG.normal(0.4, 1, n_b), 1)
        rows.append({"a": a, "b": b, "p": stats.mannwhitneyu(b, a, method="asymptotic", use_continuity=True).pvalue})
    for n_a, n_b in ((5, 6), (8, 7)):
        a, b = [float(x) for x in RNG.integers(0, 4, n_a)], [float(x) for x in RNG.integers(1, 5, n_b)]
        rows.append({"a": a, "b": b, "p": brute_rank_sum(a, b)})
    for row in rows:
        a, b = np.array(row["a"]), np.array(row["b"])
        sp = math.sqrt(((len(a) - 1) * a.var(ddof=1) + (len(b) - 1) * b.var(ddof=1)) / (len(a) + len(b) - 2))
        row["cliff"] = float(np.sign(b[:, None] - a[None, :]).mean())
        row["welch"] = stats.ttest_ind(b, a, equal_var=False).pvalue
        row["hedges"] = (b.mean() - a.mean()) / sp * (1 - 3 / (4 * (len(a) + len(b) - 2) - 1))
    return rows


def cr2(y, x, cluster, contrast):
    """Bell and McCaffrey with whole matrices: A_g = (I - H_gg)^(-1/2), Satterthwaite under independence."""
    n = len(y)
    bread = np.linalg.inv(x.T @ x)
    hat = x @ bread @ x.T
    residual = y - hat @ y
    total, columns = 0.0, []
    for g in np.unique(cluster):
        rows = np.flatnonzero(cluster == g)
        values, vectors = np.linalg.eigh(np.eye(len(rows)) - hat[np.ix_(rows, rows)])
        root = vectors @ np.diag([v ** -0.5 if v > 1e-10 else 0.0 for v in values]) @ vectors.T
        lever = root @ x[rows] @ bread @ contrast
        total += float(residual[rows] @ lever) ** 2
        columns.append((np.eye(n) - hat)[:, rows] @ lever)
    g = np.array(columns).T
    eigen = np.linalg.eigvalsh(g.T @ g)
    return math.sqrt(total), float(eigen.sum() ** 2 / (eigen**2).sum())


def clustered():
    rows = []
    for sizes in ([3] * 8, [1, 2, 5, 3, 8, 1, 1, 4, 6, 2], [1] * 12):
        cluster = np.repeat(np.arange(len(sizes)), sizes)
        task = RNG.normal(0, 1, len(sizes))[cluster]
        a = np.array(rounded(task + RNG.normal(0, 1, len(cluster)), 3))
        b = np.array(rounded(task + 0.4 + RNG.normal(0, 1.3, len(cluster)), 3))
        d, ones = b - a, np.ones((len(a), 1))
        fit = OLS(d, ones).fit(cov_type="cluster", cov_kwds={"groups": cluster}, use_t=True)
        error, df = cr2(d, ones, cluster, np.array([1.0]))
        row = {"kind": "pairs", "a": a.tolist(), "b": b.tolist(), "cluster_a": cluster.tolist(), "cluster_b": cluster.tolist(),
               "estimate": float(fit.params[0]), "cr1": float(fit.bse[0]), "cr1_p": float(fit.pvalues[0]), "cr2": error, "df": df}
        rows.append(row)
    for shared in (True, False):
        ca, cb = np.sort(RNG.integers(0, 9, 25)), np.sort(RNG.integers(0, 9, 31))
        if not shared:
            cb = cb + 100
        a = np.array(rounded(RNG.normal(0, 1, len(ca)) + 0.3 * (ca % 4), 3))
        b = np.array(rounded(RNG.normal(0.5, 1.5, len(cb)) + 0.3 * (cb % 4), 3))
        y, arm, cluster = np.concatenate([a, b]), np.repeat([0.0, 1.0], [len(a), len(b)]), np.concatenate([ca, cb])
        fit = OLS(y, add_constant(arm)).fit(cov_type="cluster", cov_kwds={"groups": cluster}, use_t=True)
        error, df = cr2(y, np.column_stack([1 - arm, arm]), cluster, np.array([-1.0, 1.0]))
        if shared:
            df = min(df, len(np.unique(cluster)) - 1.0)
        rows.append({"kind": "arms", "a": a.tolist(), "b": b.tolist(), "cluster_a": ca.tolist(), "cluster_b": cb.tolist(),
                     "estimate": float(fit.params[1]), "cr1": float(fit.bse[1]), "cr1_p": float(fit.pvalues[1]), "cr2": error, "df": df})
    return rows


def correlation(values, cluster):
    groups = [values[cluster == g] for g in np.unique(cluster)]
    n, k = len(values), len(groups)
    between = sum(len(g) * (g.mean() - values.mean()) ** 2 for g in groups) / (k - 1)
    within = sum(((g - g.mean()) ** 2).sum() for g in groups) / (n - k)
    size = (n - sum(len(g) ** 2 for g in groups) / n) / (k - 1)
    return float((between - within) / (between + (size - 1) * within))


def correlations():
    rows = []
    for sizes in ([4] * 10, [1, 2, 5, 3, 8, 1, 1, 4, 6, 2]):
        cluster = np.repeat(np.arange(len(sizes)), sizes)
        values = np.array(rounded(RNG.normal(0, 1, len(sizes))[cluster] + RNG.normal(0, 1, len(cluster)), 3))
        rows.append({"values": values.tolist(), "cluster": cluster.tolist(), "correlation": correlation(values, cluster)})
    return rows


def bca():
    rows = []
    for kind, statistic in (("mean", np.mean), ("median", np.median)):
        x = np.array(rounded(RNG.lognormal(0, 1, 30), 3))
        resampled = np.array(rounded([statistic(RNG.choice(x, len(x))) for _ in range(199)], 6))
        given = types.SimpleNamespace(bootstrap_distribution=resampled)
        result = stats.bootstrap((x,), statistic, method="BCa", n_resamples=0, bootstrap_result=given, confidence_level=0.95)
        interval = result.confidence_interval
        rows.append({"kind": kind, "x": x.tolist(), "resampled": resampled.tolist(), "ends": [interval.low, interval.high]})
    return rows


def flips():
    rows = []
    for n in (4, 9, 13):
        d = rounded(RNG.normal(0.4, 1, n), 4)
        sums = np.array([abs(np.dot(d, s)) for s in itertools.product((-1, 1), repeat=n)])
        p = float((sums >= abs(sum(d)) - 1e-9).mean())
        scipy_p = stats.permutation_test((d,), np.sum, permutation_type="samples", n_resamples=np.inf, alternative="two-sided").pvalue
        assert abs(p - scipy_p) < 1e-12, (p, scipy_p)
        rows.append({"d": d, "p": p, "t": stats.ttest_1samp(d, 0).pvalue})
    return rows


def multiple():
    p = [0.0001, 0.04, 0.03, 0.03, 0.6, 0.011, 1.0, 0.2]
    return {"p": p, "holm": multipletests(p, method="holm")[1].tolist(), "bh": multipletests(p, method="fdr_bh")[1].tolist()}


def paired_power(n, only_a, only_b):
    total = 0.0
    for d in range(n + 1):
        reject = [k for k in range(d + 1) if min(1.0, 2 * stats.binom.cdf(min(k, d - k), d, 0.5)) <= 0.05]
        share = stats.binom.pmf(reject, d, only_b / (only_a + only_b)).sum() if reject else 0.0
        total += stats.binom.pmf(d, n, only_a + only_b) * share
    return float(total)


def powers():
    single, double = sm_power.TTestPower(), sm_power.TTestIndPower()
    return {
        "paired_means": [[n, e, single.power(e, n, 0.05)] for n, e in ((12, 0.5), (50, 0.25), (300, 0.2))],
        "two_means": [[a, b, e, double.power(e, a, 0.05, ratio=b / a)] for a, b, e in ((20, 20, 0.5), (60, 90, 0.4))],
        "two_rates": [[a, b, pa, pb, float(power_proportions_2indep(pb - pa, pa, b, a / b, 0.05, return_results=False))]
                      for a, b, pa, pb in ((100, 100, 0.6, 0.7), (300, 200, 0.2, 0.31))],
        "paired_rates": [[n, a, b, paired_power(n, a, b)] for n, a, b in ((50, 0.1, 0.2), (150, 0.05, 0.14))],
        "detectable_t": [[n, single.solve_power(None, n, 0.05, 0.8)] for n in (10, 40, 250)],
    }


def passes():
    rows = []
    for trials in ([(4, 4), (2, 4), (0, 4), (3, 4), (1, 4)], [(7, 10), (1, 3), (5, 5), (0, 2), (6, 9)]):
        for k in (1, 2, 3):
            kept = [(c, n) for c, n in trials if n >= k]
            all_k = np.mean([math.comb(c, k) / math.comb(n, k) for c, n in kept])
            any_k = np.mean([1 - math.comb(n - c, k) / math.comb(n, k) for c, n in kept])
            rows.append({"trials": trials, "k": k, "all": float(all_k), "any": float(any_k), "short": len(trials) - len(kept)})
    return rows


def sequences():
    """Betting by the definition: candidates one by one, in logarithms, over all of time."""
    x = np.array([float(v) for v in RNG.choice([-1, 0, 1], 150, p=[0.1, 0.5, 0.4])])
    unit, alpha, grid = (x + 1) / 2, 0.05, 1000
    stake, squares, total = [], 0.0, 0.0
    for t, value in enumerate(unit, 1):
        stake.append(math.sqrt(2 * math.log(2 / alpha) / ((0.25 + squares) / t * t * math.log(t + 1))))
        total += value
        squares += (value - (0.5 + total) / (t + 1)) ** 2
    stake = np.array(stake)
    largest = []
    for i in range(grid + 1):
        m = i / grid
        up = np.cumsum(np.log1p(np.minimum(stake, 0.5 / m if m else np.inf) * (unit - m)))
        down = np.cumsum(np.log1p(-np.minimum(stake, 0.5 / (1 - m) if m < 1 else np.inf) * (unit - m)))
        largest.append(np.maximum.accumulate(np.maximum(up, down)) - math.log(2))
    bet = []
    for look in (20, 60, 150):
        alive = [i for i in range(grid + 1) if largest[i][look - 1] < -math.log(alpha)]
        low, high = max(alive[0] - 1, 0) / grid, min(alive[-1] + 1, grid) / grid
        bet.append([look, 2 * low - 1, 2 * high - 1, min(1.0, math.exp(-largest[grid // 2][look - 1]))])
    y = np.array(rounded(RNG.lognormal(0, 1, 200) - 1.2, 3))
    rho2 = (-2 * math.log(alpha) + math.log(-2 * math.log(alpha) + 1)) / 50
    low, high, p, wide = -np.inf, np.inf, 1.0, []
    for n in range(50, 201):
        mean, sd, mixed = y[:n].mean(), y[:n].std(ddof=1), n * rho2 + 1
        reach = sd * math.sqrt(2 * mixed / (n * n * rho2) * math.log(math.sqrt(mixed) / alpha))
        low, high = max(low, mean - reach), min(high, mean + reach)
        p = min(p, math.sqrt(mixed) * math.exp(-((n * mean / sd) ** 2) * rho2 / (2 * mixed)))
        if n in (50, 120, 200):
            wide.append([n, low, high, p])
    return {"bounded": x.tolist(), "betting": bet, "unbounded": y.tolist(), "asymptotic": wide}


def published(folder):
    found = []

    def walk(value):
        if isinstance(value, dict):
            p = value.get("mcnemar_exact_p")
            if p is not None:
                found.append({k: v for k, v in value.items() if isinstance(v, (int, float))})
            for inner in value.values():
                walk(inner)
        elif isinstance(value, list):
            for inner in value:
                walk(inner)

    for name in ("agentdojo", "tau-bench", "swe-agent"):
        with open(f"{folder}/{name}/expected.json") as file:
            walk(json.load(file))
    return found


def main():
    golden = {
        "distributions": distributions(), "pair_tables": pair_tables(), "arm_tables": arm_tables(),
        "signed_ranks": signed_ranks(), "rank_sums": rank_sums(), "clustered": clustered(), "correlations": correlations(),
        "bca": bca(), "flips": flips(), "multiple": multiple(), "powers": powers(), "passes": passes(),
        "sequences": sequences(), "published": published(sys.argv[1]),
    }
    parts = []
    for name, value in golden.items():
        rows = value if isinstance(value, list) else None
        body = json.dumps(value, default=float) if rows is None else "[\n  " + ",\n  ".join(json.dumps(r, default=float) for r in rows) + "\n ]"
        parts.append(f' "{name}": {body}')
    print("{\n" + ",\n".join(parts) + "\n}")


if __name__ == "__main__":
    main()
