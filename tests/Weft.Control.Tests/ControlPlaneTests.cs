using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Shouldly;
using Weft.Control.Store;
using Weft.Control.Tests.Serving;
using Xunit;

namespace Weft.Control.Tests;

public sealed class ControlPlaneTests : IAsyncLifetime
{
    private readonly TestControl _control = new();

    public ValueTask InitializeAsync() => _control.InitializeAsync();

    public ValueTask DisposeAsync() => _control.DisposeAsync();

    [Fact]
    public async Task Control_json_says_where_and_is_gone_after_the_end()
    {
        var path = Path.Combine(_control.Folder, "control.json");
        var json = JsonNode.Parse(await File.ReadAllTextAsync(path))!;
        ((string?)json["api"]).ShouldBe(_control.Control.ApiAddress.ToString());
        ((string?)json["xds"]).ShouldBe(_control.Control.XdsAddress.ToString());
        ((int)json["pid"]!).ShouldBe(Environment.ProcessId);
        await _control.StopAsync();
        File.Exists(path).ShouldBeFalse();
        await _control.StartAsync();
    }

    [Fact]
    public void Everything_in_the_folder_is_private()
    {
        foreach (var file in Directory.GetFiles(_control.Folder, "*", SearchOption.AllDirectories))
            (File.GetUnixFileMode(file) & ~(UnixFileMode.UserRead | UnixFileMode.UserWrite)).ShouldBe(UnixFileMode.None, file);
        foreach (var folder in Directory.GetDirectories(_control.Folder))
            (File.GetUnixFileMode(folder) & ~(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute)).ShouldBe(UnixFileMode.None, folder);
    }

    [Fact]
    public async Task Second_control_plane_on_the_folder_is_refused() =>
        await Should.ThrowAsync<StoreLockedException>(() => ControlPlane.StartAsync(new ControlPlaneOptions { DataDirectory = _control.Folder }));

    [Fact]
    public async Task Api_beyond_loopback_is_refused_unless_allowed() =>
        (await Should.ThrowAsync<ArgumentException>(() => ControlPlane.StartAsync(
            new ControlPlaneOptions { DataDirectory = _control.Folder, ApiAddress = new IPEndPoint(IPAddress.Any, 0) }))).Message.ShouldContain("AllowRemoteApi");

    [Fact]
    public async Task Taken_port_is_an_error_and_leaves_the_folder_free()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var folder = Directory.CreateTempSubdirectory("weft-taken-").FullName;
        var options = new ControlPlaneOptions
        {
            DataDirectory = folder, ApiAddress = (IPEndPoint)taken.LocalEndpoint, XdsAddress = new IPEndPoint(IPAddress.Loopback, 0),
        };
        await Should.ThrowAsync<IOException>(() => ControlPlane.StartAsync(options));
        await using (await ControlPlane.StartAsync(options with { ApiAddress = new IPEndPoint(IPAddress.Loopback, 0) }))
        {
        }
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task Other_trust_domain_is_written_to_the_mesh_at_the_first_start()
    {
        var control = new TestControl { Configure = o => o with { TrustDomain = "shop.example" } };
        await control.InitializeAsync();
        ((string?)(await control.GetAsync("/apis/weft.dev/v1alpha1/meshes/default"))["spec"]!["trustDomain"]).ShouldBe("shop.example");
        await control.DisposeAsync();
    }
}
