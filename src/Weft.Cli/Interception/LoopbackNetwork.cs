using System.ComponentModel;
using System.Net;
using System.Runtime.InteropServices;
using Weft.Cli.Processes;

namespace Weft.Cli.Interception;

/// <summary>
/// Makes loopback the whole network of the namespace that the calling thread is in: <c>ip link set lo up; ip route add local default dev lo src 127.0.0.1</c>, and the same for IPv6. Every address then is the namespace's own,
/// so that a connection to any leaves as far as the rules that redirect it and needs no bridge, no second interface and no address. By rtnetlink(7), which is there where the program
/// <c>ip</c> is not.
/// </summary>
internal static class LoopbackNetwork
{
    private const int AF_INET = 2, AF_INET6 = 10, AF_NETLINK = 16;
    private const int SOCK_RAW = 3, SOCK_CLOEXEC = 0x80000;
    private const ushort RTM_NEWLINK = 16, RTM_NEWROUTE = 24;
    private const ushort NLM_F_REQUEST = 1, NLM_F_ACK = 4, NLM_F_EXCL = 0x200, NLM_F_CREATE = 0x400;
    private const int HeaderLength = 16;
    private const int LoopbackIndex = 1; // in every network namespace (LOOPBACK_IFINDEX)

    /// <exception cref="Win32Exception">The kernel refuses. Without IPv6 in the kernel, or with IPv6 switched off, IPv4 alone is made: a connection to an IPv6 address then
    /// fails at once with "network is unreachable".</exception>
    public static void Make()
    {
        var netlink = Libc.Socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0);
        if (netlink < 0) throw new Win32Exception(Marshal.GetLastPInvokeError());
        try
        {
            Expect(Ask(netlink, RTM_NEWLINK, 0, Link()));
            Expect(Ask(netlink, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, LocalDefault(AF_INET)));
            if (HasIPv6()) Expect(Ask(netlink, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, LocalDefault(AF_INET6)));
        }
        finally
        {
            _ = Libc.Close(netlink);
        }
    }

    private static bool HasIPv6() => File.Exists("/proc/thread-self/net/if_inet6") && File.ReadAllText("/proc/sys/net/ipv6/conf/lo/disable_ipv6").Trim() == "0";

    /// <summary>struct ifinfomsg: IFF_UP is set on the loopback interface, and no other flag is touched.</summary>
    private static byte[] Link()
    {
        var message = new byte[16];
        BitConverter.TryWriteBytes(message.AsSpan(4), LoopbackIndex);
        message[8] = 1;  // flags: IFF_UP
        message[12] = 1; // the mask of what changes
        return message;
    }

    /// <summary>struct rtmsg and two attributes: destination of length 0, table and type "local", by way of the loopback interface, from its own address. Without the last the source of an IPv4 packet would be
    /// its destination, and a datagram that is redirected to 127.0.0.1 would be answered from there instead.</summary>
    private static byte[] LocalDefault(byte family)
    {
        const byte tableLocal = 255, protocolStatic = 4, scopeHost = 254, typeLocal = 2;
        const ushort outputInterface = 4, preferredSource = 7;
        byte[] header = [family, 0, 0, 0, tableLocal, protocolStatic, scopeHost, typeLocal, 0, 0, 0, 0];
        return [.. header, .. Attribute(outputInterface, BitConverter.GetBytes(LoopbackIndex)), .. family == AF_INET ? Attribute(preferredSource, IPAddress.Loopback.GetAddressBytes()) : []];
    }

    /// <summary>struct rtattr: length with itself, type, value. Values here are of four bytes, so that nothing is to be aligned.</summary>
    private static byte[] Attribute(ushort type, byte[] value) => [.. BitConverter.GetBytes((ushort)(4 + value.Length)), .. BitConverter.GetBytes(type), .. value];

    /// <summary>Sends one request and reads its acknowledgement.</summary>
    /// <returns>0, or the error number.</returns>
    private static int Ask(int netlink, ushort type, ushort flags, ReadOnlySpan<byte> body)
    {
        Span<byte> request = stackalloc byte[HeaderLength + body.Length];
        request.Clear();
        BitConverter.TryWriteBytes(request, request.Length);
        BitConverter.TryWriteBytes(request[4..], type);
        BitConverter.TryWriteBytes(request[6..], (ushort)(NLM_F_REQUEST | NLM_F_ACK | flags));
        body.CopyTo(request[HeaderLength..]);
        if (Libc.Send(netlink, request, (nuint)request.Length, 0) != request.Length) return Marshal.GetLastPInvokeError();

        // struct nlmsgerr follows the header: a negative error number, 0 for done. Nothing else was asked for, so nothing else comes.
        Span<byte> answer = stackalloc byte[512];
        var length = Libc.Receive(netlink, answer, (nuint)answer.Length, 0);
        return length < HeaderLength + sizeof(int) ? Marshal.GetLastPInvokeError() : -BitConverter.ToInt32(answer[HeaderLength..]);
    }

    private static void Expect(int error)
    {
        if (error != 0) throw new Win32Exception(error);
    }
}
