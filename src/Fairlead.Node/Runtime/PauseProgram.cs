using System.Buffers.Binary;
using Fairlead.Node.Images;

namespace Fairlead.Node.Runtime;

/// <summary>
/// The program that holds a sandbox's namespaces open under containerd, and the shared process namespace of a pod under runc: it leaves ended children to the kernel, waits, and never does
/// anything else. Written as machine code, since the usual image with such a program lies in a registry, which a test machine may not reach.
/// </summary>
internal static class PauseProgram
{
    private const ulong Base = 0x400000;
    private const int Headers = 64 + 56;
    private const ushort Amd64 = 62, Arm64 = 183;

    /// <summary>An executable file for this machine (ELF-64 object file format).</summary>
    public static byte[] Build()
    {
        var isArm = PlatformChoice.Architecture == "arm64";
        byte[] code = [.. isArm ? Arm64Code() : Amd64Code(), .. IgnoreAction];
        var file = new byte[Headers + code.Length];
        ((ReadOnlySpan<byte>)[0x7F, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1]).CopyTo(file);
        Short(16, 2);
        Short(18, isArm ? Arm64 : Amd64);
        Word(20, 1);
        Long(24, Base + Headers);
        Long(32, 64);
        Short(52, 64);
        Short(54, 56);
        Short(56, 1);
        // The one segment: all of the file, readable and executable.
        Word(64, 1);
        Word(68, 5);
        Long(80, Base);
        Long(88, Base);
        Long(96, (ulong)file.Length);
        Long(104, (ulong)file.Length);
        Long(112, 0x1000);
        code.CopyTo(file, Headers);
        return file;

        void Short(int at, ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(at), value);
        void Word(int at, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(at), value);
        void Long(int at, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(file.AsSpan(at), value);
    }

    /// <summary>struct sigaction with SIG_IGN, which for SIGCHLD means that the kernel collects the ended (sigaction(2)).</summary>
    private static byte[] IgnoreAction => [1, .. new byte[31]];

    private static byte[] Amd64Code() =>
    [
        0xB8, 13, 0, 0, 0, // mov eax, rt_sigaction
        0xBF, 17, 0, 0, 0, // mov edi, SIGCHLD
        0x48, 0x8D, 0x35, 19, 0, 0, 0, // lea rsi, [action]
        0x31, 0xD2, // xor edx, edx
        0x41, 0xBA, 8, 0, 0, 0, // mov r10d, 8
        0x0F, 0x05, // syscall
        0xB8, 34, 0, 0, 0, // mov eax, pause
        0x0F, 0x05, // syscall
        0xEB, 0xF7, // jmp to the mov before
    ];

    private static byte[] Arm64Code()
    {
        uint[] words =
        [
            0xD28010C8, // mov x8, rt_sigaction
            0xD2800220, // mov x0, SIGCHLD
            0x10000161, // adr x1, action
            0xD2800002, // mov x2, 0
            0xD2800103, // mov x3, 8
            0xD4000001, // svc 0
            0xD2800928, // mov x8, ppoll
            0xD2800000, 0xD2800001, 0xD2800002, 0xD2800003, // mov x0 to x3, 0
            0xD4000001, // svc 0
            0x17FFFFFA, // b to the mov x8 before
        ];
        var code = new byte[words.Length * 4];
        for (var i = 0; i < words.Length; i++) BinaryPrimitives.WriteUInt32LittleEndian(code.AsSpan(i * 4), words[i]);
        return code;
    }
}
