using System.Text;
using Shouldly;
using Weft.Identity.Tests.Support;
using Xunit;

namespace Weft.Identity.Tests.Files;

public sealed class PrivateFileSetTests
{
    private sealed class KilledException : Exception;

    [Fact]
    public void Kill_at_any_step_leaves_all_of_one_generation()
    {
        var steps = CountSteps();
        steps.ShouldBeGreaterThan(6);
        var outcomes = new HashSet<string>();
        for (var killAt = 1; killAt <= steps; killAt++)
        {
            using var directory = new TemporaryDirectory();
            using (var files = Open(directory)) files.Replace(Generation("old"));

            var step = 0;
            using (var files = Open(directory, _ => { if (++step == killAt) throw new KilledException(); }))
                Should.Throw<KilledException>(() => files.Replace(Generation("new")));

            using (var files = Open(directory))
            {
                var found = files.Read()!.Values.Select(Encoding.ASCII.GetString).Distinct().ToList();
                found.Count.ShouldBe(1, $"killed at step {killAt}: {string.Join(", ", found)}");
                outcomes.Add(found[0]);
            }
            Directory.GetFileSystemEntries(directory.Path).Select(Path.GetFileName).ShouldBe(["key.pem", "chain.pem", ".lock"], ignoreOrder: true);
        }
        outcomes.ShouldBe(["old", "new"], ignoreOrder: true);
    }

    [Fact]
    public void Kill_during_recovery_is_recovered_too()
    {
        using var directory = new TemporaryDirectory();
        using (var files = Open(directory)) files.Replace(Generation("old"));
        using (var files = Open(directory, step => { if (step.StartsWith("publish", StringComparison.Ordinal)) throw new KilledException(); }))
            Should.Throw<KilledException>(() => files.Replace(Generation("new")));
        var published = 0;
        Should.Throw<KilledException>(() => Open(directory, step => { if (step.StartsWith("publish", StringComparison.Ordinal) && ++published == 2) throw new KilledException(); }));

        using var recovered = Open(directory);
        recovered.Read()!.Values.Select(Encoding.ASCII.GetString).ShouldAllBe(content => content == "new");
    }

    [Fact]
    public void Replacement_after_one_that_failed_half_way_succeeds_in_the_same_process()
    {
        foreach (var failAt in new[] { "write chain.pem", "commit", "publish chain.pem", "remove staging" })
        {
            using var directory = new TemporaryDirectory();
            var full = true;
            using var files = Open(directory, step => { if (full && step == failAt) throw new IOException("disk full"); });
            Should.Throw<IOException>(() => files.Replace(Generation("old")));
            full = false;
            files.Replace(Generation("new"));
            files.Read()!.Values.Select(Encoding.ASCII.GetString).ShouldAllBe(content => content == "new");
        }
    }

    [Fact]
    public void Torn_staging_that_was_never_committed_is_dropped()
    {
        using var directory = new TemporaryDirectory();
        using (var files = Open(directory)) files.Replace(Generation("old"));
        Directory.CreateDirectory(directory[".staged.tmp"]);
        File.WriteAllText(Path.Combine(directory[".staged.tmp"], "key.pem"), "ne");

        using var reopened = Open(directory);
        reopened.Read()!.Values.Select(Encoding.ASCII.GetString).ShouldAllBe(content => content == "old");
    }

    [Fact]
    public void Files_are_for_their_owner_only()
    {
        using var directory = new TemporaryDirectory();
        using var files = Open(directory);
        files.Replace(Generation("x"));
        foreach (var name in new[] { "key.pem", "chain.pem" })
            File.GetUnixFileMode(directory[name]).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite);

        File.SetUnixFileMode(directory["key.pem"], UnixFileMode.UserRead | UnixFileMode.GroupRead);
        Should.Throw<IdentityException>(() => files.Read()).Message.ShouldContain(directory["key.pem"]);
    }

    [Fact]
    public void Missing_file_is_named()
    {
        using var directory = new TemporaryDirectory();
        using var files = Open(directory);
        files.Read().ShouldBeNull();
        files.Replace(Generation("x"));
        File.Delete(directory["key.pem"]);
        Should.Throw<IdentityException>(() => files.Read()).Message.ShouldContain(directory["key.pem"]);
    }

    [Fact]
    public void Directory_serves_one_holder_at_a_time()
    {
        using var directory = new TemporaryDirectory();
        using (Open(directory)) Should.Throw<IdentityException>(() => Open(directory)).Message.ShouldContain("in use");
        Open(directory).Dispose();
    }

    private static int CountSteps()
    {
        using var directory = new TemporaryDirectory();
        using (var files = Open(directory)) files.Replace(Generation("old"));
        var steps = 0;
        using (var files = Open(directory, _ => steps++)) files.Replace(Generation("new"));
        return steps;
    }

    private static PrivateFileSet Open(TemporaryDirectory directory, Action<string>? step = null) => new(directory.Path, ["key.pem", "chain.pem"], step);

    private static Dictionary<string, byte[]> Generation(string name) =>
        new() { ["key.pem"] = Encoding.ASCII.GetBytes(name), ["chain.pem"] = Encoding.ASCII.GetBytes(name) };
}
