using System.Buffers.Text;

namespace Weft.Proxy.Overload;

/// <summary>The process's resident memory by <c>/proc/self/statm</c> (proc(5), second field, in pages), five times a second without garbage.</summary>
internal sealed class ResidentMemory : IDisposable
{
    private readonly Microsoft.Win32.SafeHandles.SafeFileHandle _file = File.OpenHandle("/proc/self/statm");

    public long Read()
    {
        Span<byte> text = stackalloc byte[128];
        text = text[..RandomAccess.Read(_file, text, 0)];
        var second = text[(text.IndexOf((byte)' ') + 1)..];
        return Utf8Parser.TryParse(second, out long pages, out _) ? pages * Environment.SystemPageSize : 0;
    }

    public void Dispose() => _file.Dispose();
}
