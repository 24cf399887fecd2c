using System.Diagnostics;
using System.Globalization;
using Shouldly;
using Weft.Control.Store;
using Weft.TestSupport;
using Xunit;

namespace Weft.Control.Tests.Store;

public sealed class DiskStoreFilesTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("weft-store-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Folder_and_files_are_private_to_their_owner()
    {
        var folder = Path.Combine(_folder, "data");
        using (var store = ResourceStore.Open(new DiskStoreFiles(folder))) await store.PutAsync("a", "1");
        File.GetUnixFileMode(folder).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        foreach (var file in Directory.GetFiles(folder))
            File.GetUnixFileMode(file).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite, file);
        using var again = ResourceStore.Open(new DiskStoreFiles(folder));
        again.Text("a").ShouldBe("1");
    }

    [Fact]
    public void Second_opener_is_refused_and_told_who_has_the_folder()
    {
        using (ResourceStore.Open(new DiskStoreFiles(_folder)))
        {
            var refused = Should.Throw<StoreLockedException>(() => ResourceStore.Open(new DiskStoreFiles(_folder)));
            refused.Message.ShouldContain(_folder);
            refused.Message.ShouldContain(Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
        }
        ResourceStore.Open(new DiskStoreFiles(_folder)).Dispose();
    }

    [Fact]
    public async Task Really_full_disk_refuses_and_heals()
    {
        if (!Environment.IsPrivilegedProcess) Assert.Skip("needs root: mounts a tmpfs of 256 KiB");
        var mount = Tool.Require("mount", "mount");
        Run(mount, "-t", "tmpfs", "-o", "size=256k", "tmpfs", _folder);
        try
        {
            using (var store = ResourceStore.Open(new DiskStoreFiles(Path.Combine(_folder, "data"))))
            {
                await store.PutAsync("kept", "1");
                var filler = Path.Combine(_folder, "filler");
                using (var file = File.Create(filler))
                    Should.Throw<IOException>(() => { while (true) { file.Write(new byte[4096]); file.Flush(); } });
                var big = new string('x', 100_000);
                (await Should.ThrowAsync<StoreUnavailableException>(() => store.PutAsync("big", big))).OutOfSpace.ShouldBeTrue();
                store.Text("kept").ShouldBe("1");
                File.Delete(filler);
                (await store.PutAsync("big", big)).Revision.ShouldBe(2);
            }
            using var again = ResourceStore.Open(new DiskStoreFiles(Path.Combine(_folder, "data")));
            again.Current.Revision.ShouldBe(2);
        }
        finally
        {
            Run(Tool.Require("umount", "mount"), _folder);
        }
    }

    private static void Run(string program, params string[] arguments)
    {
        using var process = Process.Start(program, arguments);
        process.WaitForExit();
        process.ExitCode.ShouldBe(0, program);
    }
}
