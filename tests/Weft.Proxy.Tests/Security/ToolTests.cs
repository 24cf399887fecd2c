using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Shouldly;
using Weft.Proxy.Security;
using Weft.Proxy.Tests.Transport;
using Weft.Proxy.Transport;
using Weft.TestSupport;
using Xunit;

namespace Weft.Proxy.Tests.Security;

/// <summary>Against other people's TLS: openssl's own client and server, and curl.</summary>
public sealed class ToolTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("weft-tls-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Openssl_without_a_certificate_sees_the_alert_and_not_one_byte()
    {
        using var pair = new TlsPair();
        var (output, _) = Run(Tool.Require("openssl", "openssl"), "hello\n", "s_client", "-connect", pair.Address.ToString(), "-alpn", "weft-h1", "-quiet");
        output.ShouldContain("alert certificate required");
        output.ShouldNotContain("hello");
        pair.Accepted[0].Bytes.ShouldBe(0);
        pair.Accepted[0].Channel!.FailureText.ShouldBe("peer did not return a certificate");
    }

    [Fact]
    public void Openssl_with_a_certificate_verifies_us_and_gets_its_echo()
    {
        using var pair = new TlsPair();
        var material = pair.Authority.Issue("client");
        var (output, code) = Run(Tool.Require("openssl", "openssl"), "round trip\n", "s_client", "-connect", pair.Address.ToString(), "-alpn", "weft-h1",
            "-servername", "x.weft", "-cert", File("c.pem", material.ChainPem), "-key", File("c.key", material.KeyPem), "-CAfile",
            File("ca.pem", System.Text.Encoding.ASCII.GetString(pair.Authority.RootPem)), "-verify_return_error", "-no_ign_eof");
        output.ShouldContain("Verify return code: 0 (ok)");
        output.ShouldContain("ALPN protocol: weft-h1");
        output.ShouldContain("New, TLSv1.3, Cipher is TLS_AES_128_GCM_SHA256");
        code.ShouldBe(0);
    }

    [Theory]
    [InlineData("-tls1_2")]
    [InlineData("-tls1_1")]
    public void Older_versions_are_refused(string version)
    {
        using var pair = new TlsPair();
        var (output, _) = Run(Tool.Require("openssl", "openssl"), "", "s_client", "-connect", pair.Address.ToString(), version, "-cipher", "ALL:@SECLEVEL=0");
        output.ShouldContain("alert protocol version");
    }

    [Fact]
    public void Openssl_gets_the_alert_for_an_unknown_protocol()
    {
        using var pair = new TlsPair();
        Run(Tool.Require("openssl", "openssl"), "", "s_client", "-connect", pair.Address.ToString(), "-alpn", "foo").Output.ShouldContain("alert no application protocol");
    }

    [Fact]
    public async Task Our_client_reads_a_page_from_openssls_server()
    {
        using var pair = new TlsPair();
        var material = pair.Authority.Issue("server");
        int port;
        using (var probe = new TcpListener(IPAddress.Loopback, 0))
        {
            probe.Start();
            port = ((IPEndPoint)probe.LocalEndpoint).Port;
        }
        using var server = Start(Tool.Require("openssl", "openssl"), "s_server", "-accept", $"127.0.0.1:{port}", "-cert", File("s.pem", material.ChainPem), "-key", File("s.key", material.KeyPem),
            "-CAfile", File("ca.pem", System.Text.Encoding.ASCII.GetString(pair.Authority.RootPem)), "-Verify", "2", "-verify_return_error", "-www", "-tls1_3");
        try
        {
            Recorder client;
            do
            {
                await Task.Delay(20);
                client = pair.Connect(pair.Client(c => c with { Alpn = [] }), to: new IPEndPoint(IPAddress.Loopback, port));
                pair.Host.Until(() => client.HasOpened || client.HasFailed, "an answer");
            }
            while (client.HasFailed && client.Failed.Failure == ChannelFailure.ConnectRefused);
            client.Opened.Peer!.SpiffeId.ShouldBe(pair.Authority.IdOf("server"));
            pair.Host.On(() => client.Opened.Write("GET / HTTP/1.0\r\n\r\n"u8, out _)).ShouldBe(IoStatus.Ok);
            client.Ended.ShouldBeOneOf(IoStatus.EndOfStream, IoStatus.Failed); // s_server -www may end without close_notify
            client.ReceivedText.ShouldStartWith("HTTP/1.0 200 ok");
            client.ReceivedText.ShouldContain("TLSv1.3");
        }
        finally
        {
            server.Kill();
            await server.WaitForExitAsync();
        }
    }

    [Fact]
    public void Curl_meets_our_server_and_gets_its_own_request_back()
    {
        using var pair = new TlsPair(server: s => s with { Alpn = ["http/1.1"] });
        var material = pair.Authority.Issue("client");
        var (output, _) = Run(Tool.Require("curl", "curl"), "", "-sv", "--http0.9", "--max-time", "5", "--http1.1", "--cert", File("c.pem", material.ChainPem),
            "--key", File("c.key", material.KeyPem), "--cacert", File("ca.pem", System.Text.Encoding.ASCII.GetString(pair.Authority.RootPem)), "-k",
            $"https://{pair.Address}/over/tls");
        output.ShouldContain("TLSv1.3");
        output.ShouldContain("ALPN: server accepted http/1.1");
        output.ShouldContain("GET /over/tls HTTP/1.1");
        pair.Accepted[0].Peer!.SpiffeId.ShouldBe(pair.Authority.IdOf("client"));
    }

    private string File(string name, string content)
    {
        var path = Path.Combine(_folder, name);
        System.IO.File.WriteAllText(path, content);
        return path;
    }

    private static Process Start(string program, params string[] arguments) => Process.Start(new ProcessStartInfo(program, arguments)
    {
        UseShellExecute = false,
        RedirectStandardInput = true,
        RedirectStandardOutput = true,
        RedirectStandardError = true,
    })!;

    private static (string Output, int Code) Run(string program, string input, params string[] arguments)
    {
        using var process = Start(program, arguments);
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        try
        {
            process.StandardInput.Write(input);
            if (input.Length > 0) Thread.Sleep(500); // s_client ends at the end of its input: leave time for the answer
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // it ended before it had read its input, which is what a refused client does
        }
        if (!process.WaitForExit(20_000)) process.Kill();
        return (output.GetAwaiter().GetResult() + errors.GetAwaiter().GetResult(), process.ExitCode);
    }
}
