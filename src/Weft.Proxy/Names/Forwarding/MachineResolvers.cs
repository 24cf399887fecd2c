using System.Net;

namespace Weft.Proxy.Names.Forwarding;

/// <summary>The machine's resolvers, read again when the file has changed: a laptop changes them with every network. Read off the workers, which never wait for a disk.</summary>
internal sealed class MachineResolvers : IDisposable
{
    /// <summary>Where every resolver of a machine looks.</summary>
    public const string DefaultPath = "/etc/resolv.conf";

    private static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(5);

    private readonly string _path;
    private readonly ITimer _timer;
    private DateTime _written;
    private IPEndPoint[] _servers = [];

    public MachineResolvers(string path, TimeProvider time)
    {
        _path = path;
        Look();
        _timer = time.CreateTimer(_ => Look(), null, LookInterval, LookInterval);
    }

    /// <summary>In the order of the file; empty when it names none or cannot be read. Any thread.</summary>
    public IReadOnlyList<IPEndPoint> Current => Volatile.Read(ref _servers);

    public void Dispose() => _timer.Dispose();

    private void Look()
    {
        try
        {
            var written = File.GetLastWriteTimeUtc(_path);
            if (written == _written) return;
            Volatile.Write(ref _servers, ResolvConf.Parse(File.ReadAllText(_path)));
            _written = written;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It is being replaced, or is gone: those that were known go on being asked.
        }
    }
}
