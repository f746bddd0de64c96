using System.Runtime.InteropServices;

namespace Fairlead.Linux.Processes;

/// <summary>A zero-ended array of C strings, as execve and posix_spawn take it. Owns its memory.</summary>
internal sealed unsafe class NativeStrings : IDisposable
{
    private readonly int _count;

    internal NativeStrings(IEnumerable<string> values)
    {
        string[] list = [.. values];
        _count = list.Length;
        Pointer = (byte**)NativeMemory.AllocZeroed((nuint)(_count + 1), (nuint)sizeof(byte*));
        for (int index = 0; index < _count; index++)
        {
            Pointer[index] = (byte*)Marshal.StringToCoTaskMemUTF8(list[index]);
        }
    }

    internal byte** Pointer { get; private set; }

    internal byte* First => Pointer[0];

    public void Dispose()
    {
        if (Pointer is null)
        {
            return;
        }
        for (int index = 0; index < _count; index++)
        {
            Marshal.FreeCoTaskMem((nint)Pointer[index]);
        }
        NativeMemory.Free(Pointer);
        Pointer = null;
    }
}
