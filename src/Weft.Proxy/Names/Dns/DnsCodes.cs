namespace Weft.Proxy.Names.Dns;

/// <summary>Types of records that are told apart here (IANA, "Domain Name System (DNS) Parameters"); every other one passes through as bytes (RFC 3597).</summary>
internal static class DnsType
{
    public const ushort A = 1, Ns = 2, Md = 3, Mf = 4, Cname = 5, Soa = 6, Mb = 7, Mg = 8, Mr = 9, Ptr = 12, Minfo = 14, Mx = 15, Txt = 16, Rp = 17, Afsdb = 18,
        Rt = 21, Px = 26, Aaaa = 28, Srv = 33, Naptr = 35, Dname = 39, Opt = 41, Rrsig = 46, Nsec = 47, Nsec3 = 50, Tkey = 249, Tsig = 250, Ixfr = 251, Axfr = 252,
        MailB = 253, MailA = 254, Any = 255;

    /// <summary>True for what is not a type of data but a way to ask (RFC 6895 section 3.1): only <see cref="Any"/> can be answered by a resolver such as this one.</summary>
    public static bool IsMeta(ushort type) => type is Opt or >= Tkey and < Any or 0;
}

/// <summary>Classes. There is one in use.</summary>
internal static class DnsClass
{
    public const ushort Internet = 1;
}

/// <summary>How a response ended (RFC 1035 section 4.1.1, RFC 6891 section 9). From 16 on the upper bits stand in the OPT record.</summary>
internal enum DnsRcode : ushort
{
    NoError = 0,
    FormatError = 1,
    ServerFailure = 2,
    NameError = 3,
    NotImplemented = 4,
    Refused = 5,
    BadVersion = 16,
}
