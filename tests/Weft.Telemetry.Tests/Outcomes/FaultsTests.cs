using System.Text;
using Shouldly;
using Weft.Telemetry.Outcomes;
using Xunit;

namespace Weft.Telemetry.Tests.Outcomes;

public sealed class FaultsTests
{
    [Fact]
    public void Table_has_one_row_per_fault_in_order()
    {
        Faults.All.Select(row => row.Fault).ShouldBe(Enum.GetValues<Fault>());
    }

    [Fact]
    public void Codes_are_the_enumeration_names_in_hyphenated_words_and_unique()
    {
        var rows = Faults.All.Skip(1).ToList();
        foreach (var row in rows) row.Code.Replace("-", "").ShouldBe(row.Fault.ToString().ToLowerInvariant());
        rows.Select(row => row.Code).ShouldBeUnique();
    }

    [Fact]
    public void Every_row_says_what_happened_and_what_to_do()
    {
        foreach (var row in Faults.All.Skip(1))
        {
            row.Sentence.ShouldEndWith(".", customMessage: row.Code);
            row.Sentence.ShouldMatch("[;,] ", $"{row.Code}: cause and fix are two halves of one sentence");
            row.Sentence.Length.ShouldBeInRange(40, 200, row.Code);
        }
    }

    // The published table, copied by hand: a change of any number must be made twice to pass.
    [Theory]
    [InlineData("no-route", 404, 12, "NR", FaultSide.Proxy)]
    [InlineData("no-endpoint", 503, 14, "UH", FaultSide.Proxy)]
    [InlineData("connect-failure", 502, 14, "UF", FaultSide.Upstream)]
    [InlineData("connect-timeout", 502, 14, "UF", FaultSide.Upstream)]
    [InlineData("tls-failure", 502, 14, "UF", FaultSide.Upstream)]
    [InlineData("upstream-reset", 502, 14, "UR", FaultSide.Upstream)]
    [InlineData("upstream-closed", 502, 14, "UC", FaultSide.Upstream)]
    [InlineData("upstream-protocol", 502, 14, "UPE", FaultSide.Upstream)]
    [InlineData("unprocessed", 503, 14, "UR", FaultSide.Upstream)]
    [InlineData("response-timeout", 504, 4, "UT", FaultSide.Proxy)]
    [InlineData("deadline-exceeded", 504, 4, "DT", FaultSide.Proxy)]
    [InlineData("header-timeout", 408, 4, "SI", FaultSide.Downstream)]
    [InlineData("body-timeout", 408, 4, "SI", FaultSide.Downstream)]
    [InlineData("invalid-backend", 500, 14, "NC", FaultSide.Proxy)]
    [InlineData("downstream-closed", 499, 1, "DC", FaultSide.Downstream)]
    [InlineData("denied", 403, 7, "-", FaultSide.Proxy)]
    [InlineData("unauthenticated", 401, 16, "-", FaultSide.Downstream)]
    [InlineData("rate-limited", 429, 8, "RL", FaultSide.Proxy)]
    [InlineData("circuit-open", 503, 14, "UO", FaultSide.Proxy)]
    [InlineData("overloaded", 503, 14, "OM", FaultSide.Proxy)]
    [InlineData("draining", 503, 14, "-", FaultSide.Proxy)]
    [InlineData("header-too-large", 431, 3, "DPE", FaultSide.Downstream)]
    [InlineData("body-too-large", 413, 8, "-", FaultSide.Downstream)]
    [InlineData("bad-request", 400, 13, "DPE", FaultSide.Downstream)]
    [InlineData("fault-injected", 0, 0, "FI", FaultSide.Proxy)]
    [InlineData("egress-denied", 403, 7, "-", FaultSide.Proxy)]
    [InlineData("idle-timeout", 408, 4, "SI", FaultSide.Proxy)]
    [InlineData("max-duration", 408, 4, "DT", FaultSide.Proxy)]
    public void Row_is_as_published(string code, int http, int grpc, string flag, FaultSide side)
    {
        Faults.TryParse(Encoding.ASCII.GetBytes(code), out var fault).ShouldBeTrue();
        var row = fault.Describe();
        (row.Code, row.HttpStatus, (int)row.GrpcStatus, row.ResponseFlag, row.Side).ShouldBe((code, http, grpc, flag, side));
        Encoding.ASCII.GetString(fault.CodeUtf8()).ShouldBe(code);
        Faults.TryParse(code, out var fromLabel).ShouldBeTrue();
        fromLabel.ShouldBe(fault);
    }

    [Fact]
    public void Only_codes_that_mean_not_processed_or_lost_are_retried_elsewhere()
    {
        Faults.All.Where(row => row.RetryElsewhere).Select(row => row.Code).Order(StringComparer.Ordinal).ShouldBe(
            ["connect-failure", "connect-timeout", "draining", "overloaded", "unprocessed", "upstream-closed", "upstream-reset"]);
    }

    [Fact]
    public void Unknown_code_is_not_a_fault()
    {
        Faults.TryParse("no-such-code"u8, out _).ShouldBeFalse();
        Faults.TryParse(""u8, out _).ShouldBeFalse();
        Faults.TryParse("NO-ROUTE"u8, out _).ShouldBeFalse();
    }
}
