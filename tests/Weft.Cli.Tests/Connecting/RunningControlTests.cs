using System.Diagnostics;
using Shouldly;
using Weft.Cli.Connecting;
using Xunit;

namespace Weft.Cli.Tests.Connecting;

public sealed class RunningControlTests
{
    [Fact]
    public void A_file_of_a_living_process_names_it()
    {
        using var folder = new TemporaryFolder();
        Write(folder, Environment.ProcessId);
        var found = RunningControl.Find(new DataFolder(folder.Path)).ShouldNotBeNull();
        found.Process.Id.ShouldBe(Environment.ProcessId);
        found.Process.IsAlive.ShouldBeTrue();
        found.Api.ShouldBe("127.0.0.1:1");
        found.Xds.ShouldBe("127.0.0.1:2");
    }

    [Fact]
    public void A_file_that_a_killed_process_left_names_nobody()
    {
        using var folder = new TemporaryFolder();
        using var process = Process.Start("true");
        process.WaitForExit();
        Write(folder, process.Id);
        RunningControl.Find(new DataFolder(folder.Path)).ShouldBeNull();
    }

    [Fact]
    public void A_process_that_began_after_the_file_was_written_is_somebody_else_with_the_same_number()
    {
        using var folder = new TemporaryFolder();
        Write(folder, Environment.ProcessId);
        File.SetLastWriteTimeUtc(Path.Combine(folder.Path, "control.json"), DateTime.UtcNow.AddDays(-1));
        RunningControl.Find(new DataFolder(folder.Path)).ShouldBeNull();
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("""{"pid":"x"}""")]
    public void A_file_that_makes_no_sense_names_nobody(string text)
    {
        using var folder = new TemporaryFolder();
        folder.Write("control.json", text);
        RunningControl.Find(new DataFolder(folder.Path)).ShouldBeNull();
    }

    private static void Write(TemporaryFolder folder, int process) =>
        folder.Write("control.json", $$"""{"api":"127.0.0.1:1","xds":"127.0.0.1:2","pid":{{process}}}""");
}
