namespace Fairlead.Linux.Netlink.NfTables;

/// <summary>What becomes of a packet (enum nft_verdicts, NF_ACCEPT, NF_DROP).</summary>
public enum VerdictCode
{
    Drop = 0,
    Accept = 1,
    Continue = -1,
    Jump = -3,
    Goto = -4,
    Return = -5,
}

/// <summary>A verdict, with the chain that Jump and Goto lead to.</summary>
public readonly record struct Verdict(VerdictCode Code, string? Chain = null)
{
    public static Verdict Goto(string chain) => new(VerdictCode.Goto, chain);

    public static Verdict Jump(string chain) => new(VerdictCode.Jump, chain);

    public override string ToString() => Chain is null ? BaseHook.Lower(Code) : $"{BaseHook.Lower(Code)} {Chain}";
}
