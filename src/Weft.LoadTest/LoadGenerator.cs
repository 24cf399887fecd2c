using System.Net;
using System.Net.Sockets;
using Weft.LoadTest.Engine;

namespace Weft.LoadTest;

/// <summary>
/// Open-loop load: requests are sent when the schedule says, whatever became of those before, and latency counts from the time at which
/// a request should have been sent. A closed loop, which sends the next request when the last one is answered, stops asking
/// exactly while the target is slow, and so never sees it ("coordinated omission").
/// </summary>
public static class LoadGenerator
{
    /// <summary>
    /// Runs the load on a thread of its own. When <paramref name="stop"/> is cancelled nothing more is sent, what is in flight is awaited, and
    /// the report covers the time until then: a stopped run is a result, not an exception.
    /// </summary>
    /// <exception cref="SocketException">The host's name cannot be resolved.</exception>
    public static async Task<LoadReport> RunAsync(LoadOptions options, CancellationToken stop = default)
    {
        var host = options.Proxy ?? options.Target;
        var address = await ResolveAsync(host);
        var done = new TaskCompletionSource<LoadReport>(TaskCreationOptions.RunContinuationsAsynchronously);
        var thread = new Thread(() =>
        {
            try
            {
                done.SetResult(new LoadLoop(options, new IPEndPoint(address, host.Port)).Run(stop));
            }
            catch (Exception e)
            {
                done.SetException(e);
            }
        })
        { Name = "load", IsBackground = true };
        thread.Start();
        return await done.Task;
    }

    private static async Task<IPAddress> ResolveAsync(Uri host)
    {
        var addresses = await Dns.GetHostAddressesAsync(host.IdnHost);
        // What listens on "localhost" listens on 127.0.0.1 more often than on ::1.
        return addresses.FirstOrDefault(a => a.AddressFamily == AddressFamily.InterNetwork) ?? addresses[0];
    }
}
