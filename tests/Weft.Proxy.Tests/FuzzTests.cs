using Shouldly;
using Weft.Fuzz;
using Xunit;

namespace Weft.Proxy.Tests;

/// <summary>A minute of <c>weft-fuzz</c> with a fixed seed, shared by all targets; the executable runs for as long as it is told.</summary>
public sealed class FuzzTests(ITestOutputHelper output)
{
    private const double Seconds = 60;

    public static TheoryData<string> Targets => [.. FuzzTargets.All.Select(target => target.Name)];

    [Theory]
    [MemberData(nameof(Targets))]
    public void Mutated_inputs_break_no_property(string name)
    {
        var report = new StringWriter();
        var failure = FuzzLoop.Run(FuzzTargets.All.Single(target => target.Name == name), Seconds / FuzzTargets.All.Count, seed: 1, report);
        output.WriteLine(report.ToString());
        if (failure is not null) Assert.Fail($"{failure.Message}\ninput: {Convert.ToBase64String(failure.Input)}");
    }

    [Fact]
    public void A_broken_property_is_found_and_its_input_reported()
    {
        var failure = FuzzLoop.Run(new NoDigits(), seconds: 60, seed: 1, TextWriter.Null);
        failure.ShouldNotBeNull().Input.ShouldContain((byte)'7');
        FuzzLoop.Once(new NoDigits(), failure.Input).ShouldNotBeNull();
    }

    private sealed class NoDigits : IFuzzTarget
    {
        public string Name => "no-digits";

        public IReadOnlyList<byte[]> Seeds { get; } = ["abc"u8.ToArray()];

        public IReadOnlyList<byte[]> Dictionary { get; } = ["7"u8.ToArray()];

        public string Check(byte[] input, Random random) => input.Contains((byte)'7') ? throw new FuzzException("a digit") : "fine";
    }
}
