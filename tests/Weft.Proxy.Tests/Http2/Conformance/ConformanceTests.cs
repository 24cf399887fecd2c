using Shouldly;
using Xunit;

namespace Weft.Proxy.Tests.Http2.Conformance;

/// <summary>Every MUST of RFC 9113 and RFC 7541 that a server's peer can see, each case on a connection of its own, with a backend behind it that reads strictly.</summary>
public sealed class ConformanceTests(ConformanceTests.Fixture fixture) : IClassFixture<ConformanceTests.Fixture>
{
    private static readonly Dictionary<string, ConformanceCase> Cases = Suite().ToDictionary(c => c.Name);

    public static TheoryData<string> Connections => Names(ConnectionCases.All);

    public static TheoryData<string> Streams => Names(StreamCases.All);

    public static TheoryData<string> Frames => Names(FrameCases.All);

    public static TheoryData<string> FlowControl => Names(FlowControlCases.All);

    public static TheoryData<string> Messages => Names(MessageCases.All);

    public static TheoryData<string> Smuggling => Names(SmugglingCases.All);

    public static TheoryData<string> Hpack => Names(HpackCases.All);

    [Theory]
    [MemberData(nameof(Connections))]
    public Task Sections_3_and_4(string rule) => HoldsAsync(rule);

    [Theory]
    [MemberData(nameof(Streams))]
    public Task Section_5(string rule) => HoldsAsync(rule);

    [Theory]
    [MemberData(nameof(Frames))]
    public Task Sections_6_and_7(string rule) => HoldsAsync(rule);

    [Theory]
    [MemberData(nameof(FlowControl))]
    public Task Section_6_9(string rule) => HoldsAsync(rule);

    [Theory]
    [MemberData(nameof(Messages))]
    public Task Section_8(string rule) => HoldsAsync(rule);

    [Theory]
    [MemberData(nameof(Smuggling))]
    public Task Section_10_3(string rule) => HoldsAsync(rule);

    [Theory]
    [MemberData(nameof(Hpack))]
    public Task Rfc_7541(string rule) => HoldsAsync(rule);

    internal static IEnumerable<ConformanceCase> Suite() =>
        [.. ConnectionCases.All, .. StreamCases.All, .. FrameCases.All, .. FlowControlCases.All, .. MessageCases.All, .. SmugglingCases.All, .. HpackCases.All];

    private static TheoryData<string> Names(IEnumerable<ConformanceCase> cases) => [.. cases.Select(c => c.Name)];

    private async Task HoldsAsync(string rule)
    {
        (await Cases[rule].RunAsync(fixture.Server)).ShouldBeNull(rule);
        fixture.Server.Faults.ShouldBeEmpty();
    }

    /// <summary>One data plane and one backend for all cases.</summary>
    public sealed class Fixture : IAsyncLifetime
    {
        internal ConformanceServer Server { get; } = ConformanceServer.Own();

        public ValueTask InitializeAsync() => ValueTask.CompletedTask;

        public ValueTask DisposeAsync() => Server.DisposeAsync();
    }
}
