namespace Weft.Proxy.Transport;

/// <summary>Numbers that nobody can predict, from the kernel (getrandom(2)), fetched a block at a time. .NET's own generator would load OpenSSL for it. Belongs to one thread.</summary>
internal sealed unsafe class KernelRandom
{
    private const int BlockBytes = 256; // up to here getrandom is never interrupted and never short

    private readonly byte[] _block = new byte[BlockBytes];
    private int _used = BlockBytes;

    /// <exception cref="SocketException">The kernel has no generator.</exception>
    public ushort NextUInt16()
    {
        if (_used + sizeof(ushort) > BlockBytes) Fill();
        var value = (ushort)(_block[_used] | (_block[_used + 1] << 8));
        _used += sizeof(ushort);
        return value;
    }

    private void Fill()
    {
        // Pinned for the length of the call.
        fixed (byte* p = _block)
        {
            if (Libc.GetRandom(p, BlockBytes, 0) != BlockBytes) throw Errno.Exception("getrandom");
        }
        _used = 0;
    }
}
