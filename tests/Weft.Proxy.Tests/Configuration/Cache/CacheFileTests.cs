using System.Diagnostics;
using System.Runtime.InteropServices;
using Google.Protobuf;
using Shouldly;
using Weft.Proxy.Configuration.Cache;
using Weft.Proxy.Tests.Admin;
using Weft.TestSupport;
using Weft.Xds;
using Xunit;

namespace Weft.Proxy.Tests.Configuration.Cache;

public sealed class CacheFileTests : IDisposable
{
    private static readonly ByteString Node = ByteString.CopyFromUtf8("me");

    private readonly string _folder = Directory.CreateTempSubdirectory("weft-cache-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private CacheFile File(string name = "own") => new(Path.Combine(_folder, name));

    private static SavedConfiguration Saved(int bytes = 3, string name = "a") => new(Node, DateTimeOffset.UnixEpoch, [],
        new Dictionary<XdsType, IReadOnlyList<XdsResource>> { [XdsType.Cluster] = [new XdsResource(name, "1", ByteString.CopyFrom(new byte[bytes]))] });

    [Fact]
    public void A_saved_configuration_is_private_and_read_back()
    {
        var file = File();
        file.Write(Saved());
        file.Write(Saved(name: "b"));

        file.TryRead(Node, out var saved, out var refusal).ShouldBeTrue(refusal);
        saved!.Resources[XdsType.Cluster].Single().Name.ShouldBe("b");
        System.IO.File.GetUnixFileMode(file.Path).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite);
        System.IO.File.GetUnixFileMode(Path.GetDirectoryName(file.Path)!).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        Directory.GetFiles(Path.GetDirectoryName(file.Path)!).ShouldBe([file.Path]);
    }

    [Fact]
    public void No_file_is_no_configuration_and_no_complaint()
    {
        File().TryRead(Node, out _, out var refusal).ShouldBeFalse();
        refusal.ShouldBeEmpty();
    }

    [Fact]
    public void A_file_that_others_may_write_or_read_is_refused_by_name()
    {
        foreach (var mode in new[] { UnixFileMode.OtherWrite, UnixFileMode.GroupWrite, UnixFileMode.OtherRead })
        {
            var file = File();
            file.Write(Saved());
            System.IO.File.SetUnixFileMode(file.Path, UnixFileMode.UserRead | UnixFileMode.UserWrite | mode);
            file.TryRead(Node, out _, out var refusal).ShouldBeFalse();
            refusal.ShouldStartWith(file.Path);
            refusal.ShouldContain("open to other users");
        }
    }

    [Fact]
    public void A_file_of_another_user_is_refused_by_name()
    {
        var file = File();
        file.Write(Saved());
        if (Chown(file.Path, 65534, 65534) != 0) Assert.Skip("only root can give files away");
        file.TryRead(Node, out _, out var refusal).ShouldBeFalse();
        refusal.ShouldBe($"{file.Path} belongs to user 65534, and this process is user {FileOwner.Me}: ignored");
    }

    [Fact]
    public void A_damaged_file_is_refused_by_name()
    {
        var file = File();
        file.Write(Saved());
        System.IO.File.WriteAllBytes(file.Path, System.IO.File.ReadAllBytes(file.Path)[..^1]);
        file.TryRead(Node, out _, out var refusal).ShouldBeFalse();
        refusal.ShouldStartWith($"{file.Path} is torn or damaged");
    }

    [Fact]
    public void What_was_saved_for_another_node_is_refused()
    {
        var file = File();
        file.Write(Saved());
        file.TryRead(ByteString.CopyFromUtf8("somebody else"), out var saved, out var refusal).ShouldBeFalse();
        saved.ShouldBeNull();
        refusal.ShouldBe($"{file.Path} was saved for another node: ignored");
    }

    [Fact]
    public void A_directory_that_others_may_enter_gets_no_file()
    {
        var file = File();
        file.Write(Saved());
        System.IO.File.SetUnixFileMode(Path.GetDirectoryName(file.Path)!, (UnixFileMode)0b111_101_101);
        Should.Throw<IOException>(() => file.Write(Saved())).Message.ShouldContain("open to other users");
    }

    [Fact]
    public async Task A_full_disk_leaves_the_file_before_it_whole()
    {
        var mount = Tool.Require("mount", "mount");
        var disk = Path.Combine(_folder, "disk");
        Directory.CreateDirectory(disk);
        using (var mounting = Process.Start(mount, ["-t", "tmpfs", "-o", "size=64k", "tmpfs", disk]))
        {
            await mounting.WaitForExitAsync(TestContext.Current.CancellationToken);
            if (mounting.ExitCode != 0) Assert.Skip("only root can mount a small disk");
        }
        try
        {
            var file = new CacheFile(Path.Combine(disk, "own"));
            file.Write(Saved());
            Should.Throw<IOException>(() => file.Write(Saved(bytes: 200_000)));
            file.TryRead(Node, out var saved, out _).ShouldBeTrue();
            saved!.Resources[XdsType.Cluster].Single().Body.Length.ShouldBe(3);
            Directory.GetFiles(Path.GetDirectoryName(file.Path)!).ShouldBe([file.Path], "what did not fit is not left there either");
        }
        finally
        {
            await Command.RunAsync(Tool.Require("umount", "mount"), disk);
        }
    }

    [DllImport("libc", EntryPoint = "chown", CharSet = CharSet.Ansi, BestFitMapping = false, ThrowOnUnmappableChar = true)]
    private static extern int Chown(string path, uint user, uint group);
}
