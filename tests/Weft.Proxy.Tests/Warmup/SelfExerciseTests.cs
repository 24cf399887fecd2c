using System.Diagnostics;
using Shouldly;
using Weft.Proxy.Warmup;
using Xunit;

namespace Weft.Proxy.Tests.Warmup;

public sealed class SelfExerciseTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Every_request_is_answered_as_it_should_be(bool withTls)
    {
        var report = await RunAsync(new WarmupSettings { Budget = TimeSpan.FromSeconds(20), MaxRequests = 400 }, withTls);

        report.Requests.ShouldBeInRange(24, 400 + 50, "at least one round, and at most the limit and the round that passes it");
        report.Unexpected.ShouldBe(0);
    }

    [Fact]
    public async Task Budget_ends_it_wherever_it_is()
    {
        var report = await RunAsync(new WarmupSettings { Budget = TimeSpan.FromMilliseconds(1), QuietRounds = int.MaxValue, MaxRequests = int.MaxValue }, withTls: true);

        report.Requests.ShouldBeLessThan(44, "not one round of it");
        report.Unexpected.ShouldBe(0);
    }

    [Fact]
    public async Task Stop_ends_it_before_its_time()
    {
        var exercise = SelfExercise.Start(new WarmupSettings { Budget = TimeSpan.FromMinutes(5), QuietRounds = int.MaxValue, MaxRequests = int.MaxValue }, withTls: false, TimeProvider.System, _ => { });
        await Task.Delay(100);
        var stopping = Stopwatch.StartNew();

        exercise.Stop();

        stopping.Elapsed.ShouldBeLessThan(TimeSpan.FromSeconds(1));
        exercise.Report.ShouldNotBeNull();
    }

    private static async Task<WarmupReport> RunAsync(WarmupSettings settings, bool withTls)
    {
        var said = new List<string>();
        var exercise = SelfExercise.Start(settings, withTls, TimeProvider.System, said.Add);
        for (var waiting = Stopwatch.StartNew(); exercise.Report is null; await Task.Delay(10)) waiting.Elapsed.ShouldBeLessThan(TimeSpan.FromSeconds(30));
        said.ShouldBeEmpty();
        return exercise.Report!;
    }
}
