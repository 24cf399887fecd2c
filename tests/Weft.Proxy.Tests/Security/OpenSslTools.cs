using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Shouldly;
using Weft.TestSupport;

namespace Weft.Proxy.Tests.Security;

/// <summary>openssl's own server: each line that it is sent it sends back, reversed. Ends with <see cref="Dispose"/>.</summary>
internal sealed class OpenSslServer : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("weft-openssl-").FullName;
    private readonly Process _process;

    private OpenSslServer(TestAuthority authority, string name, string[] more)
    {
        var material = authority.Issue(name, r => (r.Subject, r.DnsName) = ($"CN={name}", name));
        File.WriteAllText(Path.Combine(_folder, "chain.pem"), material.ChainPem);
        File.WriteAllText(Path.Combine(_folder, "key.pem"), material.KeyPem);
        Address = new IPEndPoint(IPAddress.Loopback, Ports.Free());
        _process = Process.Start(new ProcessStartInfo(Tool.Require("openssl", "openssl"),
            ["s_server", "-accept", Address.ToString(), "-cert", Path.Combine(_folder, "chain.pem"), "-key", Path.Combine(_folder, "key.pem"), "-rev", .. more])
        {
            UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true,
        })!;
        _process.OutputDataReceived += (_, line) => Printed += line.Data + "\n";
        _process.ErrorDataReceived += (_, line) => Printed += line.Data + "\n";
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public IPEndPoint Address { get; }

    /// <summary>What it has said of its connections.</summary>
    public string Printed { get; private set; } = "";

    /// <param name="name">Its certificate's common name and DNS name.</param>
    /// <param name="more">Options of s_server.</param>
    public static async Task<OpenSslServer> StartAsync(TestAuthority authority, string name, params string[] more)
    {
        var server = new OpenSslServer(authority, name, more);
        for (var waited = Stopwatch.StartNew(); ; await Task.Delay(20))
        {
            server._process.HasExited.ShouldBeFalse(server.Printed);
            waited.Elapsed.ShouldBeLessThan(TimeSpan.FromSeconds(15));
            using var probe = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                await probe.ConnectAsync(server.Address);
                return server;
            }
            catch (SocketException)
            {
                // not yet
            }
        }
    }

    public void Dispose()
    {
        if (!_process.HasExited) _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}

/// <summary>openssl's own client.</summary>
internal static class OpenSslClient
{
    /// <summary>Runs s_client; says <paramref name="say"/> in TLS and waits for one line of answer.</summary>
    /// <returns>Everything that it printed.</returns>
    public static async Task<string> TalkAsync(string say, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(Tool.Require("openssl", "openssl"), ["s_client", .. arguments])
        {
            UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true,
        })!;
        return await TalkAsync(process, say);
    }

    /// <summary>The same with a process that was started as s_client.</summary>
    public static async Task<string> TalkAsync(Process process, string say)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        try
        {
            var errors = process.StandardError.ReadToEndAsync(limit.Token);
            var reversed = new string([.. say.Reverse()]);
            var printed = "";
            try
            {
                await process.StandardInput.WriteAsync(say + "\n");
                await process.StandardInput.FlushAsync(limit.Token);
                while (await process.StandardOutput.ReadLineAsync(limit.Token) is { } line)
                {
                    printed += line + "\n";
                    if (line.Contains(reversed, StringComparison.Ordinal)) process.StandardInput.Close(); // the end of its input is its end
                }
            }
            catch (IOException)
            {
                // it ended before it had read its input: a refused client
            }
            printed += await process.StandardOutput.ReadToEndAsync(limit.Token);
            await process.WaitForExitAsync(limit.Token);
            return printed + await errors;
        }
        finally
        {
            if (!process.HasExited) process.Kill();
        }
    }
}
