using System.Diagnostics;
using System.Text.Json;
using Shouldly;
using Weft.Proxy.Tests.Mesh;
using Weft.Proxy.Tests.Pipelines;
using Weft.TestSupport;
using Xunit;

namespace Weft.Proxy.Tests.Security;

/// <summary>testssl.sh against a listener as the control plane configures inbound ones: mutual TLS and nothing else. Takes a minute or more: <c>./test --long</c>.</summary>
public sealed class TestSslTests(ITestOutputHelper output)
{
    private static readonly string[] Bad = ["MEDIUM", "HIGH", "CRITICAL", "FATAL"];

    [Fact]
    public async Task Testssl_finds_nothing_of_medium_severity_or_worse()
    {
        if (Environment.GetEnvironmentVariable("WEFT_LONG") != "1") Assert.Skip("takes minutes: ./test --long");
        var testssl = Tool.Require("testssl", "testssl.sh");
        await using var backend = ScriptedBackend.Answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        await using var mesh = MeshPair.Start(backend.Address);
        var folder = Directory.CreateTempSubdirectory("weft-testssl-").FullName;
        try
        {
            var report = Path.Combine(folder, "report.json");
            // Protocols, cipher categories and server's order, vulnerabilities. The certificate is not looked at: that a private authority issued it is no finding.
            var start = new ProcessStartInfo(testssl, ["--quiet", "--color", "0", "--warnings", "batch", "--jsonfile", report, "-p", "-s", "-P", "-U", mesh.Called().ToString()])
            {
                UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardInput = true, WorkingDirectory = folder,
            };
            using var process = Process.Start(start)!;
            process.StandardInput.Close();
            using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(8));
            var text = await process.StandardOutput.ReadToEndAsync(limit.Token);
            await process.WaitForExitAsync(limit.Token);
            output.WriteLine(text);

            var findings = JsonDocument.Parse(await File.ReadAllTextAsync(report)).RootElement.EnumerateArray()
                .Select(f => (Id: f.GetProperty("id").GetString()!, Severity: f.GetProperty("severity").GetString()!, Finding: f.GetProperty("finding").GetString()!)).ToList();
            findings.ShouldContain(f => f.Id == "TLS1_3" && f.Severity == "OK", "it must have talked to the listener at all");
            findings.Where(f => Bad.Contains(f.Severity)).ShouldBeEmpty();
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
